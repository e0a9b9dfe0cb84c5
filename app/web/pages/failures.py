"""Errors as pages: what went wrong, who can mend it, where to go on. Status codes are decided elsewhere."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from flask import Response, redirect, request

from app.web.context import context
from app.web.pages.login import local
from app.web.pages.shell import HTML, render

_UNAUTHENTICATED: Final = 401
_BROKEN: Final = 500
# Whose move it is, by what happened, else by status; the rest is up to whoever asked.
_WHO_BY_CODE: Final[Mapping[str, str]] = {
    "request:not-allowed": "Somebody with more rights on this app's repository can do it, or give you the "
    "right on GitHub.",
    "token:too-narrow": "Sign in, or ask with a token that is allowed more: this one stays as it was made.",
    "token:of-nobody": "Only somebody who signed in can.",
    "operator:only": "An operator of this platform can do it. Nobody gives you that right on GitHub.",
    "person:not-a-member": "An owner of the organisation can invite you on GitHub; it counts within a minute "
    "of your accepting that.",
    "session:wrong-form-key": "Nothing was changed, and you can mend it: load the page that you came from "
    "again, and send its form once more.",
    "session:foreign-origin": "Nothing was changed. If you meant it, do it from a page of this platform; if "
    "you did, an operator has to look whether BRANCHLINE_URL is the address that you use.",
    "sign-in:not-set-up": "An operator has to do that; until then nobody can sign in.",
}
_WHO: Final[Mapping[int, str]] = {
    404: "It may be gone, or be somebody else's: what you may not see looks the same as what is not there.",
    409: "Look at how things stand now, then decide again.",
    429: "Wait a moment, then try again.",
    502: "A platform that we depend on refused: the repository's owner or an operator has to look there.",
    503: "Nothing is wrong with what you did. It comes back by itself; try again in a moment.",
}
_ENDED: Final = "Nothing was changed. Sign in again, and you are back on the page that you came from."
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

    Who has not signed in is led there, and back again; who was signed in when they opened a form is told so.
    """
    if not _is_of_a_page():
        return None
    if status != _UNAUTHENTICATED or request.blueprint == "pages_login":
        return _page(status, code, message, details)
    if request.method == "GET":
        return redirect(_sign_in(request.full_path.rstrip("?")), 303)  # type: ignore[return-value] # Flask's own is one
    if "Authorization" in request.headers:
        # Whoever bears a token has no sign-in that could end.
        return _page(status, code, message, details)
    return _page(status, code, _ENDED, details, sign_in=_sign_in(_came_from()))


def _is_of_a_page() -> bool:
    """Tell whether whoever asks wants to read the answer, and not to parse it."""
    if request.blueprint is not None:
        return request.blueprint.startswith("pages_")
    is_unknown = request.url_rule is None and not request.path.startswith("/api/")
    return is_unknown and HTML in request.accept_mimetypes.values()


def _sign_in(place: str) -> str:
    """Return where one signs in and goes on to a place, if that is ours, and else to the home."""
    return f"/login?{urlencode({'next': local(place)})}"


def _came_from() -> str:
    """Return the page of ours that a form was sent from; what is none of ours is still to be told from it."""
    ours = urlsplit(context().platform.url)
    return (request.referrer or "").partition("#")[0].removeprefix(f"{ours.scheme}://{ours.netloc}")


def _page(
    status: int, code: str, message: str, details: Mapping[str, Any], *, sign_in: str | None = None
) -> Response:
    usual = _TITLES.get(status, "Something broke" if status >= _BROKEN else "That did not work")
    return render(
        "failure.html",
        status=status,
        number=status,
        title="Your sign-in has ended" if sign_in else usual,
        code=code,
        message=message,
        who=_WHO_BY_CODE.get(code) or _WHO.get(status, ""),
        sign_in=sign_in,
        reference=details.get("reference"),
    )
