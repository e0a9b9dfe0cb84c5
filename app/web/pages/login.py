"""`/login`: people prove at GitHub who they are and come back with a session; `/logout`: they leave.

What GitHub is asked with waits in a cookie of ten minutes, so that nobody else's answer is taken for this
browser's. Who may do what is not known here.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request
from itsdangerous import BadData, URLSafeTimedSerializer

from app.domain.callers import actor_of, new_secret
from app.errors import NotAllowed, Unauthenticated
from app.pipeline.sign_in import SignedIn, sign_in, sign_out
from app.ports.people import SignIn
from app.web.context import context
from app.web.login import forget_access, kept_or_forgotten
from app.web.pages.shell import allow_form_target, render
from app.web.sessions import (
    check_form,
    check_origin,
    cookie_name,
    drop_cookie,
    set_cookie,
    set_private_cookie,
    signed_in,
)
from app.web.stamps import stamps

pages = Blueprint("pages_login", __name__)

_PATIENCE_SECONDS: Final = 600
_PURPOSE: Final = "branchline/login"
_LONGEST: Final = 2000
_HOME: Final = "/"
_STALE: Final = (
    "This sign-in was not begun in this browser, or more than ten minutes ago. Nothing happened: begin again."
)
# https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors
_REFUSALS: Final[Mapping[str, str]] = {
    "access_denied": "You told GitHub not to let Branchline know who you are. Nothing happened.",
    "redirect_uri_mismatch": "GitHub does not send people back here: an operator has to enter the callback "
    "address {callback} on the application's page at GitHub.",
    "application_suspended": "GitHub has suspended the application that people sign in to: an operator has "
    "to ask GitHub's support.",
}
_UNKNOWN_REFUSAL: Final = "GitHub did not sign you in, for a reason that is not known here. Begin again."


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a browser set out with."""

    state: str
    verifier: str
    place: str


@pages.get("/login")
def show_login() -> Response:
    """Show the page with one button."""
    return _page(local(request.args.get("next")))


@pages.post("/login")
def begin() -> Response:
    """Send the browser to GitHub. Raises NotAllowed when nobody can sign in here."""
    check_origin()
    port = context().sign_in
    if port is None:
        raise NotAllowed(
            "signing in: an operator has to set GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET first",
            code="sign-in:not-set-up",
        )
    begun = _Begun(new_secret(), new_secret(), local(request.form.get("next")))
    address = port.address(
        state=begun.state, challenge=_challenge(begun.verifier), redirect_uri=callback_address()
    )
    response = _to(address)
    cookie = _stamps().dumps([begun.state, begun.verifier, begun.place])
    set_private_cookie(response, _name(), str(cookie), _PATIENCE_SECONDS)
    return response


@pages.get("/login/callback")
def finish() -> Response:
    """Take GitHub's answer: a session begins, or the page says why not.

    Raises:
        Overloaded: too many wait for GitHub; the same answer is good when it is brought again.
    """
    port, begun = context().sign_in, _begun()
    refusal = request.args.get("error")
    if refusal is not None:
        told = _REFUSALS.get(refusal, _UNKNOWN_REFUSAL).format(callback=callback_address())
        return _page(begun.place if begun else _HOME, told, status=400)
    if port is None or begun is None or not _is_answer_to(begun):
        return _page(_HOME, _STALE, status=400)
    try:
        with context().calls.entered("signing in with GitHub"):
            entered = _enter(port, begun)
    except Unauthenticated as error:
        return _page(begun.place, f"{error.message[:1].upper()}{error.message[1:]}.", status=401)
    response = _to(begun.place)
    set_cookie(response, entered.secret)
    set_private_cookie(response, _name(), "", 0)
    return response


@pages.post("/logout")
def leave() -> Response:
    """End this browser's session."""
    check_form()
    given, found = context(), signed_in()
    if found is not None:
        with given.records.begin() as tx:
            sign_out(tx, *found, given.clock(), actor=actor_of(found[1]))
    response = _to("/login")
    drop_cookie(response)
    return response


def local(place: str | None) -> str:
    """Return an address on this site, and its home for any other: nobody is led elsewhere by a sign-in."""
    place = place or _HOME
    is_path = place.startswith("/") and not place.startswith(("//", "/login", "/logout"))
    # Browsers read a backslash as a slash, and leave out what cannot be seen.
    is_plain = len(place) <= _LONGEST and "\\" not in place and all("!" <= letter <= "~" for letter in place)
    return place if is_path and is_plain else _HOME


def callback_address() -> str:
    """Return where GitHub sends people back to."""
    return f"{context().platform.url}/login/callback"


def _enter(port: SignIn, begun: _Begun) -> SignedIn:
    """Return the new session; one that the browser had before ends. Raises Unauthenticated."""
    given, before = context(), signed_in()
    token = port.exchange(
        code=request.args.get("code", ""), verifier=begun.verifier, redirect_uri=callback_address()
    )
    agent = request.headers.get("User-Agent")
    with kept_or_forgotten(port, token):
        account = port.account(token)
        with given.records.begin() as tx:
            if before is not None:
                tx.sessions.end(before[0].digest)
            entered = sign_in(tx, account, token, given.vault, given.clock(), agent=agent)
    forget_access(port, entered.replaced)
    return entered


def _page(place: str, problem: str | None = None, *, status: int = 200) -> Response:
    port = context().sign_in
    if port is not None:
        address = urlsplit(port.address(state="", challenge="", redirect_uri=""))
        allow_form_target(f"{address.scheme}://{address.netloc}")
    return render(
        "login.html",
        status=status,
        place=place,
        problem=problem,
        is_possible=port is not None,
        callback=callback_address(),
    )


def _begun() -> _Begun | None:
    """Return what this browser set out with, if that was a moment ago."""
    try:
        told = _stamps().loads(request.cookies.get(_name(), "")[: _LONGEST * 2], max_age=_PATIENCE_SECONDS)
    except BadData:
        return None
    return _Begun(*told)


def _is_answer_to(begun: _Begun) -> bool:
    return hmac.compare_digest(request.args.get("state", "").encode(), begun.state.encode())


def _challenge(verifier: str) -> str:
    """Return PKCE's challenge by S256."""
    # https://www.rfc-editor.org/rfc/rfc7636#section-4.2
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def _stamps() -> URLSafeTimedSerializer:
    return stamps(context().secret_key.reveal(), _PURPOSE, context().clock)


def _name() -> str:
    return cookie_name("branchline-login")


def _to(address: str) -> Response:
    response: Response = redirect(address, 303)  # type: ignore[assignment] # Flask's own is one
    response.headers["Cache-Control"] = "no-store"
    return response
