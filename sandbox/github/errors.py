"""GitHub's refusals as one exception, and the bodies GitHub gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCUMENTATION = "https://docs.github.com/rest"
MOVED_PERMANENTLY, TEMPORARY_REDIRECT = 301, 307


class ApiError(Exception):
    """A refusal with GitHub's status, message and, for 422, the list of what is wrong with which field."""

    def __init__(self, status: int, message: str, errors: Sequence[object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """Return the JSON that GitHub answers with."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return body | {"documentation_url": DOCUMENTATION, "status": str(self.status)}


class Moved(ApiError):
    """Not refused, but to be asked elsewhere: a repository's former name."""

    def __init__(self, status: int, url: str) -> None:
        super().__init__(status, "Moved Permanently" if status == MOVED_PERMANENTLY else "Temporary Redirect")
        self.url = url

    def body(self) -> dict[str, Any]:
        """Return the JSON that stands beside the Location header."""
        return {"message": self.message, "url": self.url, "documentation_url": DOCUMENTATION}


def not_found() -> ApiError:
    """Say 404, which is also what somebody without access is told."""
    return ApiError(404, "Not Found")


def forbidden(message: str) -> ApiError:
    """Say 403 to somebody who may look but not touch."""
    return ApiError(403, message)


def conflict(message: str) -> ApiError:
    """Say 409."""
    return ApiError(409, message)


def invalid(resource: str, field: str, code: str, message: str | None = None) -> ApiError:
    """Say 422 about one field; ``code`` is GitHub's: missing_field, invalid, already_exists, custom ..."""
    error = {"resource": resource, "field": field, "code": code}
    return ApiError(422, "Validation Failed", [error | ({"message": message} if message else {})])


def unprocessable(message: str) -> ApiError:
    """Say 422 with a sentence and no field, as the git data endpoints do."""
    return ApiError(422, message)
