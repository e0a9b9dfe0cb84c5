"""Artifacts: uploaded by real runs, found and downloaded through the API."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sandbox_actions.hub import WORKFLOW

if TYPE_CHECKING:
    from tests.integration.sandbox_actions.hub import Hub

_UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02"
_TEXT = f"""
name: Pack
on: [push, pull_request]
permissions: {{contents: read}}
jobs:
  pack:
    runs-on: ubuntu-latest
    steps:
      - run: |
          mkdir -p dist/assets dist/.hidden other
          echo page > dist/index.html; echo code > dist/assets/app.js; echo secret > dist/.hidden/x
          echo map > dist/assets/app.js.map; echo note > other/note.txt
      - id: all
        uses: {_UPLOAD}
        with: {{name: everything, path: dist, include-hidden-files: true, retention-days: 3}}
      - uses: {_UPLOAD}
        with:
          name: some
          path: |
            dist/**
            !dist/**/*.map
            other/*.txt
      - uses: {_UPLOAD}
        with: {{path: other/note.txt}}
      - uses: {_UPLOAD}
        with: {{name: none, path: missing, if-no-files-found: ignore}}
      - run: echo "${{{{ steps.all.outputs.artifact-id }}}} has ${{{{ steps.all.outputs.artifact-digest }}}}"
      - id: again
        continue-on-error: true
        uses: {_UPLOAD}
        with: {{name: some, path: other}}
      - id: missing
        continue-on-error: true
        uses: {_UPLOAD}
        with: {{name: missing, path: missing, if-no-files-found: error}}
      - run: echo "${{{{ steps.again.outcome }}}} ${{{{ steps.missing.outcome }}}} $ACTIONS_RUNTIME_TOKEN"
"""
_CONTENT = {
    "index.html": "page\n",
    "assets/app.js": "code\n",
    "assets/app.js.map": "map\n",
    ".hidden/x": "secret\n",
}


@pytest.fixture(scope="module")
def shop(hub: Hub) -> str:
    return hub.repository()


@pytest.fixture(scope="module")
def run(hub: Hub, shop: str) -> dict[str, Any]:
    """Return a completed run that has uploaded artifacts."""
    return hub.run(shop, hub.commit(shop, "main", {WORKFLOW: _TEXT}))


@pytest.fixture(scope="module")
def artifacts(hub: Hub, shop: str, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    listed = hub.bot("GET", f"/repos/{shop}/actions/runs/{run['id']}/artifacts", 200)["artifacts"]
    return {artifact["name"]: artifact for artifact in listed}


def _content(archive: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        assert file.testzip() is None
        return {name: file.read(name).decode() for name in file.namelist()}


def _downloaded(hub: Hub, artifact: dict[str, Any]) -> bytes:
    answer = hub.bot.client.get(artifact["archive_download_url"])
    assert answer.status_code == 302
    return hub.web.get(answer.headers["Location"]).content


def test_what_a_run_uploads_is_described(
    hub: Hub, shop: str, run: dict[str, Any], artifacts: dict[str, dict[str, Any]]
) -> None:
    log = hub.log(shop, run)
    assert run["conclusion"] == "success", log
    assert set(artifacts) == {"everything", "some", "artifact"}
    one = artifacts["everything"]
    archive = _downloaded(hub, one)
    digest = hashlib.sha256(archive).hexdigest()
    assert (one["digest"], one["size_in_bytes"]) == (f"sha256:{digest}", len(archive))
    assert f"{one['id']} has {digest}" in log
    assert one["expired"] is False
    repository_id = run["repository"]["id"]
    assert one["workflow_run"] == {
        "id": run["id"],
        "repository_id": repository_id,
        "head_repository_id": repository_id,
        "head_branch": "main",
        "head_sha": run["head_sha"],
    }
    assert one["expires_at"] < artifacts["some"]["expires_at"]


def test_the_zip_has_the_files_that_the_path_means(hub: Hub, artifacts: dict[str, dict[str, Any]]) -> None:
    assert _content(_downloaded(hub, artifacts["everything"])) == _CONTENT
    assert _content(_downloaded(hub, artifacts["some"])) == {
        "dist/index.html": "page\n",
        "dist/assets/app.js": "code\n",
        "other/note.txt": "note\n",
    }
    assert _content(_downloaded(hub, artifacts["artifact"])) == {"note.txt": "note\n"}


def test_a_second_artifact_of_a_name_and_a_missing_file_fail_the_step(
    hub: Hub, shop: str, run: dict[str, Any]
) -> None:
    log = hub.log(shop, run)

    assert "409" in log
    assert "an artifact with this name already exists" in log
    assert "##[error]No files were found with the provided path: missing" in log
    assert "failure failure ***" in log


def test_artifacts_are_listed_shown_and_deleted(
    hub: Hub, shop: str, artifacts: dict[str, dict[str, Any]]
) -> None:
    actions = f"/repos/{shop}/actions/artifacts"
    one = artifacts["everything"]
    assert hub.bot("GET", f"{actions}/{one['id']}", 200) == one
    assert hub.bot("GET", actions, 200, name="everything")["artifacts"] == [one]
    assert hub.bot("GET", actions, 200)["total_count"] == 3
    assert hub.anybody("GET", actions, 200, per_page="1")["total_count"] == 3
    hub.anybody("GET", f"{actions}/{one['id']}/zip", 401)
    hub.mallory("GET", f"{actions}/{one['id']}/zip", 302)
    hub.mallory("DELETE", f"{actions}/{one['id']}", 403)
    gone = artifacts["artifact"]["id"]
    hub.ada("DELETE", f"{actions}/{gone}", 204)
    hub.ada("GET", f"{actions}/{gone}", 404)
    hub.bot("GET", f"/repos/{hub.repository()}/actions/artifacts/{one['id']}", 404)


def test_pygithub_reads_them(hub: Hub, shop: str, run: dict[str, Any]) -> None:
    with hub.pygithub() as client:
        repository = client.get_repo(shop)
        found = next(iter(repository.get_artifacts(name="some")))
        assert repository.get_artifact(found.id).workflow_run.id == run["id"]
        assert found.id in [one.id for one in repository.get_workflow_run(run["id"]).get_artifacts()]
        assert [secret.name for secret in repository.get_secrets()] == []


def test_an_expired_artifact_is_listed_and_not_given_away(
    hub: Hub, shop: str, artifacts: dict[str, dict[str, Any]]
) -> None:
    one = artifacts["some"]["id"]
    engine = hub.server.site.actions
    engine.records._execute("update artifacts set expires_at = '2026-01-01T00:00:00Z' where id = ?", one)  # type: ignore[union-attr]

    assert hub.bot("GET", f"/repos/{shop}/actions/artifacts/{one}", 200)["expired"] is True
    hub.bot("GET", f"/repos/{shop}/actions/artifacts/{one}/zip", 410)


def test_a_pull_request_from_a_fork_may_upload(hub: Hub, shop: str, run: dict[str, Any]) -> None:
    pull = hub.fork_pull(shop, {"gift.txt": "for you"})
    forked = hub.run(shop, pull["head"]["sha"])

    listed = hub.bot("GET", f"/repos/{shop}/actions/runs/{forked['id']}/artifacts", 200)["artifacts"]

    assert {artifact["name"] for artifact in listed} == {"everything", "some", "artifact"}
    of_run = listed[0]["workflow_run"]
    assert of_run["repository_id"] == run["repository"]["id"]
    assert of_run["head_repository_id"] == pull["head"]["repo"]["id"]
    assert of_run["head_sha"] == pull["head"]["sha"]
    hub.bot("DELETE", f"/repos/{shop}/actions/runs/{forked['id']}", 204)
    hub.bot("GET", f"/repos/{shop}/actions/artifacts/{listed[0]['id']}", 404)
