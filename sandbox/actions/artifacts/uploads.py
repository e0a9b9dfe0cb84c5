"""Uploads under way: begun under a name, received as bytes, checked and made an artifact.

A run may upload while it runs. What it began and did not finish goes with it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING

from sandbox.actions.grants import Grants
from sandbox.actions.records import stamp

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.artifacts.store import Store
    from sandbox.actions.records import Artifact, Run

RESULTS_PATH = "/_services/results"
RUNTIME_TOKEN, RESULTS_URL = "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL"
MOST_BYTES = 512 * 1024 * 1024
LONGEST_DAYS = 90
_CHUNK_BYTES = 64 * 1024
_FORBIDDEN = re.compile(r'[":<>|*?\r\n\\/]')
_LONGEST_NAME = 256


class UploadError(Exception):
    """An upload that is refused: `code` is Twirp's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class _Upload:
    run: Run
    name: str
    expires_at: datetime
    path: Path
    size_bytes: int = 0
    digest: str = ""


class Uploads:
    """The uploads of one engine's runs, whose GitHub is at `site_url`. Thread-safe."""

    def __init__(self, directory: Path, store: Store, site_url: str) -> None:
        self._directory, self._store, self._site_url = directory, store, site_url
        self._lock = threading.Lock()
        self._grants: Grants[Run] = Grants()
        self._begun: dict[str, _Upload] = {}
        shutil.rmtree(directory, ignore_errors=True)  # what an earlier engine left unfinished
        directory.mkdir(parents=True)

    def admit(self, run: Run) -> dict[str, str]:
        """Let an attempt upload until it ends; return the variables that it needs."""
        url = f"{self._site_url}{RESULTS_PATH}/"
        return {RUNTIME_TOKEN: self._grants.issue(run.id, run), RESULTS_URL: url}

    def dismiss(self, run_id: int) -> None:
        """Take nothing more from a run and forget what it has not finished; may run twice."""
        self._grants.end(run_id)
        with self._lock:
            ended = [key for key, upload in self._begun.items() if upload.run.id == run_id]
            left = [self._begun.pop(key) for key in ended]
        for upload in left:
            upload.path.unlink(missing_ok=True)

    def begin(self, token: str, name: str, expires_at: datetime | None = None) -> str:
        """Begin an artifact and return the address that its zip is to be put to.

        It is kept for 90 days, or less when it is said until when.

        Raises: UploadError.
        """
        run = self._run(token)
        if not name or len(name) > _LONGEST_NAME or _FORBIDDEN.search(name):
            raise UploadError("invalid_argument", f"the artifact name {name!r} is not valid")
        latest = datetime.now(UTC) + timedelta(days=LONGEST_DAYS)
        key = secrets.token_urlsafe(32)
        with self._lock:
            if self._store.has(run, name) or self._find(run, name):
                text = "an artifact with this name already exists on the workflow run"
                raise UploadError("already_exists", text)
            self._begun[key] = _Upload(run, name, min(expires_at or latest, latest), self._directory / key)
        return f"{self._site_url}{RESULTS_PATH}/uploads/{key}"

    def receive(self, key: str, content: IO[bytes]) -> None:
        """Keep what comes to an address that `begin` returned; a second time replaces the first.

        Raises: UploadError.
        """
        upload = self._begun.get(key)
        if upload is None:
            raise UploadError("not_found", "there is no such upload")
        checksum, size = hashlib.sha256(), 0
        with upload.path.open("wb") as file:
            while chunk := content.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > MOST_BYTES:
                    raise UploadError("out_of_range", f"an artifact may have {MOST_BYTES} bytes")
                checksum.update(chunk)
                file.write(chunk)
        upload.size_bytes, upload.digest = size, checksum.hexdigest()

    def finish(self, token: str, name: str, size_bytes: int, digest: str) -> Artifact:
        """Make an artifact of what was received, if it is what its sender says it is.

        Raises: UploadError.
        """
        run = self._run(token)
        with self._lock:
            key = self._find(run, name)
            if key is None:
                raise UploadError("not_found", f"no artifact {name!r} was begun")
            upload = self._begun[key]
            if (upload.size_bytes, upload.digest) != (size_bytes, digest):
                raise UploadError("invalid_argument", "the upload is not complete: size or hash differ")
            del self._begun[key]
        told = {"size_bytes": size_bytes, "digest": digest, "expires_at": stamp(upload.expires_at)}
        return self._store.keep(upload.path, run, name=name, **told)

    def _run(self, token: str) -> Run:
        run = self._grants.subject(token)
        if run is None:
            raise UploadError("unauthenticated", "the token is unknown or its run is over")
        return run

    def _find(self, run: Run, name: str) -> str | None:
        begun = self._begun.items()
        return next((key for key, upload in begun if (upload.run.id, upload.name) == (run.id, name)), None)
