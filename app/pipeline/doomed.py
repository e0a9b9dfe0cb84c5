"""Doomed: an app as it was when its deletion began.

Its row is gone before its job is over, and a job that is run again has to meet the same steps: so what they
need is kept in the first of them.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.domain.apps import App, AppStatus, Repository
from app.domain.jobs import Job
from app.pipeline.known import known_app
from app.ports import Records, Steps


def doomed_app(job: Job, steps: Steps, records: Records) -> App | None:
    """Return the app that the job is to delete, the same in every run of it; None when it never was there."""
    kept = steps.run("look at the app", lambda: _look(job.app_id, records))
    return None if kept is None else _from_kept(kept, job)


def _look(app_id: str, records: Records) -> dict[str, Any] | None:
    with records.read() as tx:
        app = known_app(tx, app_id)
    if app is None:
        return None
    repository = app.repository
    made_at = {"created_at": repository.created_at.isoformat()} if repository else {}
    return {
        "slug": app.slug,
        "name": app.name,
        "repository": asdict(repository) | made_at if repository else None,
    }


def _from_kept(kept: dict[str, Any], job: Job) -> App:
    told = kept["repository"]
    made_at = {"created_at": datetime.fromisoformat(told["created_at"])} if told else {}
    return App(
        id=job.app_id,
        slug=kept["slug"],
        name=kept["name"],
        status=AppStatus.DELETING,
        created_at=job.created_at,
        updated_at=job.created_at,
        repository=Repository(**told | made_at) if told else None,
    )
