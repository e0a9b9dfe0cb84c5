"""The service that `actions/upload-artifact` speaks to: GitHub's messages, and one PUT for the zip.

Not spoken is Azure's way of putting a blob in blocks, which the original's client library uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from sandbox.actions.artifacts.uploads import RESULTS_PATH, UploadError, Uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

_SERVICE = f"{RESULTS_PATH}/twirp/github.actions.results.api.v1.ArtifactService"
_STATUSES: Mapping[str, int] = {
    "already_exists": 409,
    "invalid_argument": 400,
    "not_found": 404,
    "out_of_range": 413,
    "unauthenticated": 401,
}
_HASH = "sha256:"


def blueprint(uploads: Uploads) -> Blueprint:
    """Return the routes, to be mounted at the site's root."""
    service = _Service(uploads)
    routes = Blueprint("artifacts", __name__)
    routes.post(f"{_SERVICE}/CreateArtifact")(service.create)
    routes.put(f"{RESULTS_PATH}/uploads/<key>")(service.upload)
    routes.post(f"{_SERVICE}/FinalizeArtifact")(service.finalize)
    routes.register_error_handler(UploadError, _refused)
    return routes


@dataclass(frozen=True)
class _Service:
    uploads: Uploads

    def create(self) -> dict[str, Any]:
        """Begin an artifact."""
        given = _message()
        name, expires_at = str(given.get("name", "")), _time(given.get("expires_at"))
        return {"ok": True, "signed_upload_url": self.uploads.begin(_bearer(), name, expires_at)}

    def upload(self, key: str) -> tuple[str, int]:
        """Take the zip."""
        self.uploads.receive(key, request.stream)
        return "", 201

    def finalize(self) -> dict[str, Any]:
        """Complete an artifact."""
        given = _message()
        name, size = str(given.get("name", "")), str(given.get("size", ""))
        digest = str(given.get("hash", "")).removeprefix(_HASH)
        artifact = self.uploads.finish(_bearer(), name, int(size) if size.isdecimal() else -1, digest)
        return {"ok": True, "artifact_id": str(artifact.id)}


def _message() -> dict[str, Any]:
    message = request.get_json(silent=True)
    if not isinstance(message, dict):
        raise UploadError("invalid_argument", "the message is not a JSON object")
    return message


def _time(given: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(given).astimezone(UTC) if given else None
    except (TypeError, ValueError):
        raise UploadError("invalid_argument", "expires_at is no time") from None


def _bearer() -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _refused(error: UploadError) -> tuple[Response, int]:
    return jsonify(code=error.code, msg=str(error)), _STATUSES[error.code]
