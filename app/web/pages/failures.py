"""Errors as pages: what went wrong, who can mend it, where to go on. Status codes are decided elsewhere."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, redirect, request

from app.web.pages.shell import HTML, render

_UNAUTHENTICATED: Final = 401
_BROKEN: Final = 500
# Whose move it is, by status; the rest is up to whoever asked.
_WHO: Final[Mapping[int, str]] = {
    403: "Somebody with more rights on this app's repository can do it, or give you the right on GitHub.",
    404: "It may be gone, or be somebody else's: what you may not see looks the same as what is not there.",
    409: "Look at how things stand now, then decide again.",
    429: "Wait a moment, then try again.",
    502: "A platform that we depend on refused: the repository's owner or an operator has to look there.",
    503: "Nothing is wrong with what you did. It comes back by itself; try again in a moment.",
}
_TITLES: Final[Mapping[int, str]] = {
    400: "That cannot be",
    401: "Sign in first",
    403: "You may not do this",
    404: "There is nothing here",
    405: "That is not how this works",
    409: "Something else is there already",
    410: "It was here, and is gone",
    413: "That is too much",
    429: "Too often",
    502: "Refused elsewhere",
    503: "Not at the moment",
}


def as_page(status: int, code: str, message: str, details: Mapping[str, Any]) -> Response | None:
    """Return the page of an error, or None where nobody looks at pages.

    Who has not signed in is led there, and back again.
    """
    if not _is_of_a_page():
        return None
    if status == _UNAUTHENTICATED and request.method == "GET" and request.blueprint != "pages_login":
        query = urlencode({"next": request.full_path.rstrip("?")})
        return redirect(f"/login?{query}", 303)  # type: ignore[return-value] # Flask's own is one
    return _page(status, code, message, details)


def _is_of_a_page() -> bool:
    """Tell whether whoever asks wants to read the answer, and not to parse it."""
    if request.blueprint is not None:
        return request.blueprint.startswith("pages_")
    is_unknown = request.url_rule is None and not request.path.startswith("/api/")
    return is_unknown and HTML in request.accept_mimetypes.values()


def _page(status: int, code: str, message: str, details: Mapping[str, Any]) -> Response:
    title = _TITLES.get(status, "Something broke" if status >= _BROKEN else "That did not work")
    return render(
        "failure.html",
        status=status,
        number=status,
        title=title,
        code=code,
        message=message,
        who=_WHO.get(status, ""),
        reference=details.get("reference"),
    )
