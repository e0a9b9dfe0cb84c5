"""What is taken from a run that uploads, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sandbox.actions.artifacts.store import Store
from sandbox.actions.artifacts.uploads import RUNTIME_TOKEN, UploadError, Uploads
from sandbox.actions.ports import Occasion
from sandbox.actions.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.actions.records import Run

_ZIP = b"PK and so on"
_DIGEST = hashlib.sha256(_ZIP).hexdigest()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(tmp_path / "actions.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def run(records: Records) -> Run:
    occasion = Occasion("push", None, 12, "refs/heads/main", "a" * 40, {})
    text = dict.fromkeys(("sha", "head_sha", "head_branch", "path", "name", "title"), "x")
    of_run = {"repository_id": 12, "workflow_id": 1, "status": "in_progress", "event": "push"}
    return records.add_run(**of_run, **text, occasion=json.dumps(asdict(occasion)))


@pytest.fixture
def uploads(tmp_path: Path, records: Records) -> Uploads:
    return Uploads(tmp_path / "uploads", Store(tmp_path / "artifacts", records), "http://127.0.0.1:1")


def _refused(code: str) -> pytest.RaisesExc[UploadError]:
    return pytest.raises(UploadError, check=lambda error: error.code == code)


def _uploaded(uploads: Uploads, token: str, name: str = "app", expires_at: datetime | None = None) -> None:
    key = uploads.begin(token, name, expires_at).rpartition("/")[2]
    uploads.receive(key, io.BytesIO(_ZIP))


def test_an_upload_becomes_an_artifact_for_at_most_ninety_days(
    uploads: Uploads, run: Run, tmp_path: Path
) -> None:
    token = uploads.admit(run)[RUNTIME_TOKEN]
    _uploaded(uploads, token, expires_at=datetime.now(UTC) + timedelta(days=400))

    artifact = uploads.finish(token, "app", len(_ZIP), _DIGEST)

    assert (tmp_path / "artifacts" / f"{artifact.id}.zip").read_bytes() == _ZIP
    kept = datetime.fromisoformat(artifact.expires_at) - datetime.now(UTC)
    assert timedelta(days=89) < kept <= timedelta(days=90)
    with _refused("already_exists"):
        uploads.begin(token, "app")
    again = uploads.admit(type(run)(**asdict(run) | {"attempt": 2}))[RUNTIME_TOKEN]
    uploads.begin(again, "app")


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a:b", "x" * 257, "a\nb"])
def test_a_name_that_no_file_may_have_is_refused(uploads: Uploads, run: Run, name: str) -> None:
    with _refused("invalid_argument"):
        uploads.begin(uploads.admit(run)[RUNTIME_TOKEN], name)


def test_what_is_not_complete_becomes_no_artifact(uploads: Uploads, run: Run) -> None:
    token = uploads.admit(run)[RUNTIME_TOKEN]
    _uploaded(uploads, token)

    for size, digest in ((len(_ZIP) + 1, _DIGEST), (len(_ZIP), "0" * 64)):
        with _refused("invalid_argument"):
            uploads.finish(token, "app", size, digest)
    with _refused("not_found"):
        uploads.finish(token, "other", len(_ZIP), _DIGEST)


def test_nothing_is_taken_from_a_run_that_is_over(uploads: Uploads, run: Run, tmp_path: Path) -> None:
    token = uploads.admit(run)[RUNTIME_TOKEN]
    _uploaded(uploads, token)
    key = uploads.begin(token, "late").rpartition("/")[2]

    uploads.dismiss(run.id)

    with _refused("unauthenticated"):
        uploads.finish(token, "app", len(_ZIP), _DIGEST)
    with _refused("not_found"):
        uploads.receive(key, io.BytesIO(_ZIP))
    assert list((tmp_path / "uploads").iterdir()) == []
