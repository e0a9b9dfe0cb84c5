"""Who signed in at this browser: the cookie of a session, and the proof that a form is one of our own pages'.

The cookie holds the session's secret, signed; the secret alone opens the session, the signature spares a look
into the database for what we never gave out. What the person may do is not known here.
"""

import hmac
from datetime import datetime
from hashlib import sha256
from typing import Final, cast
from urllib.parse import urlsplit

from flask import Response, g, request
from itsdangerous import BadSignature, Signer

from app.domain.callers import SESSION_LIFETIME, Person, Session
from app.errors import NotAllowed, RemoteUnavailable
from app.pipeline.sign_in import session_of
from app.web.context import context

FORM_FIELD: Final = "form_key"
FORM_HEADER: Final = "X-Form-Key"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PURPOSE: Final = "branchline/session"
_LONGEST: Final = 300
_SAME_SITE: Final = frozenset({"same-origin", "none"})


def signed_in() -> tuple[Session, Person] | None:
    """Return the session of this request's cookie and whose it is, or None; it is looked up once.

    Raises:
        RemoteUnavailable: it could not be looked up; whoever asks again in this request is told the same.
    """
    if "sign_in_trouble" in g:
        raise cast("RemoteUnavailable", g.sign_in_trouble)
    if "signed_in" not in g:
        try:
            g.signed_in = _opened()
        except RemoteUnavailable as error:
            g.sign_in_trouble = error
            raise
    return cast("tuple[Session, Person] | None", g.signed_in)


def form_key() -> str:
    """Return what forms of this session carry; nothing when nobody signed in, or it cannot be told.

    A form without it is refused: this is what is written into a page, not what lets a form pass.
    """
    try:
        found = signed_in()
    except RemoteUnavailable:
        return ""
    return found[0].form_key if found else ""


def check_form() -> None:
    """Let an unsafe request that came with a session pass when one of our own pages sent it.

    Whoever bears a token sends no cookie by themselves, and is not asked.

    Raises:
        NotAllowed: another site sent it, or it lacks the session's form key.
    """
    is_by_token = request.headers.get("Authorization", "").lower().startswith("bearer ")
    found = None if request.method in SAFE_METHODS or is_by_token else signed_in()
    if found is None:
        return
    check_origin()
    given = request.headers.get(FORM_HEADER) or request.form.get(FORM_FIELD, "")
    if not hmac.compare_digest(given.encode(), found[0].form_key.encode()):
        raise NotAllowed(
            "checking that this form is ours: it is not of this sign-in; load the page again",
            code="session:wrong-form-key",
        )


def check_origin() -> None:
    """Let a request pass unless its browser says that another site sent it. Raises NotAllowed."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if (origin is not None and origin != _own_origin()) or (site is not None and site not in _SAME_SITE):
        raise NotAllowed(
            f"checking where this comes from: only pages of {_own_origin()} may send it",
            code="session:foreign-origin",
        )


def set_cookie(response: Response, secret: str) -> None:
    """Have the browser keep a session's secret."""
    set_private_cookie(
        response, _name(), _signer().sign(secret).decode(), int(SESSION_LIFETIME.total_seconds())
    )


def drop_cookie(response: Response) -> None:
    """Have the browser forget its session."""
    set_private_cookie(response, _name(), "", 0)


def cookie_name(stem: str) -> str:
    """Return the name of a cookie of ours: on https one that no other host and no plain page can set."""
    # https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
    return f"__Host-{stem}" if _is_https() else stem


def set_private_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that no script reads and that no other site's form brings along."""
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=_is_https(), httponly=True, samesite="Lax"
    )
    # What bears a cookie is nobody's to keep.
    response.headers["Cache-Control"] = "no-store"


def ends_at(session: Session) -> datetime:
    """Return when a session ends whatever happens."""
    return session.created_at + SESSION_LIFETIME


def _opened() -> tuple[Session, Person] | None:
    secret, given = _secret(), context()
    return session_of(given.records, secret, given.clock()) if secret else None


def _secret() -> str | None:
    cookie = request.cookies.get(_name(), "")
    if not cookie or len(cookie) > _LONGEST:
        return None
    try:
        return _signer().unsign(cookie.encode()).decode()
    except (BadSignature, UnicodeError):
        return None


def _signer() -> Signer:
    key = context().secret_key.reveal()
    return Signer(key, salt=_PURPOSE, key_derivation="hmac", digest_method=sha256)


def _name() -> str:
    return cookie_name("branchline")


def _is_https() -> bool:
    return context().platform.url.startswith("https://")


def _own_origin() -> str:
    parts = urlsplit(context().platform.url)
    return f"{parts.scheme}://{parts.netloc}"
