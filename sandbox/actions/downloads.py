"""Where the API's redirects to logs and artifacts lead: addresses that need no token and soon end."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, send_file
from itsdangerous import BadSignature, URLSafeTimedSerializer

if TYPE_CHECKING:
    from sandbox.actions.engine import Engine

_PATH, _ARTIFACTS_PATH = "/_actions/logs", "/_actions/artifacts"
_SECONDS, _ARTIFACT_SECONDS = 600, 60
# What the storage behind GitHub's redirect says.
_NO_BLOB = (
    '<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code>'
    "<Message>The specified blob does not exist.</Message></Error>"
)
_signer = URLSafeTimedSerializer(secrets.token_bytes(32), salt="logs")
_artifact_signer = URLSafeTimedSerializer(secrets.token_bytes(32), salt="artifacts")


def run_address(engine: Engine, run_id: int, attempt: int) -> str:
    """Return the address of the zip of one attempt's logs."""
    return f"{engine.github.url}{_PATH}/{_signer.dumps({'run': run_id, 'attempt': attempt})}"


def job_address(engine: Engine, job_id: int) -> str:
    """Return the address of a job's log."""
    return f"{engine.github.url}{_PATH}/{_signer.dumps({'job': job_id})}"


def artifact_address(engine: Engine, artifact_id: int) -> str:
    """Return the address of an artifact's zip, for one minute."""
    return f"{engine.github.url}{_ARTIFACTS_PATH}/{_artifact_signer.dumps(artifact_id)}"


def add_to(routes: Blueprint, engine: Engine) -> None:
    """Serve the addresses from `routes`, which must be mounted at the site's root."""

    def download(token: str) -> Response:
        try:
            wanted: dict[str, Any] = _signer.loads(token, max_age=_SECONDS)
            return _job(engine, wanted["job"]) if "job" in wanted else _run(engine, **wanted)
        except (BadSignature, KeyError):
            abort(404)

    def download_artifact(token: str) -> Response:
        try:
            return _artifact(engine, _artifact_signer.loads(token, max_age=_ARTIFACT_SECONDS))
        except (BadSignature, KeyError):
            abort(404)

    routes.add_url_rule(f"{_PATH}/<token>", "download", download)
    routes.add_url_rule(f"{_ARTIFACTS_PATH}/<token>", "download_artifact", download_artifact)


def _job(engine: Engine, job_id: int) -> Response:
    """Return a job's log; where it is kept there is none of a job that goes on, or never began."""
    job = engine.records.job(job_id)
    text = engine.logs.of_job(job, engine.records.steps(job.id)) if job.status == "completed" else ""
    if not text:
        return Response(_NO_BLOB, 404, content_type="application/xml")
    return Response(text, content_type="text/plain; charset=utf-8")


def _run(engine: Engine, run: int, attempt: int) -> Response:
    jobs = [(job, engine.records.steps(job.id)) for job in engine.records.jobs(run, attempt)]
    name = f'attachment; filename="logs_{run}.zip"'
    return Response(
        engine.logs.archive(jobs), content_type="application/zip", headers={"Content-Disposition": name}
    )


def _artifact(engine: Engine, artifact_id: int) -> Response:
    artifact = engine.records.artifact(artifact_id)
    name = f"{artifact.name}.zip"
    return send_file(
        engine.artifacts.path(artifact).absolute(), "application/zip", as_attachment=True, download_name=name
    )
