"""`/account`: one's tokens of the API and one's sign-ins, to make and to end; operators see all tokens."""

from typing import Final

from flask import Blueprint, Response, redirect, request
from pydantic import ValidationError

from app.domain.callers import DEFAULT_TOKEN_LIFETIME, ApiToken, Session
from app.domain.rights import Act, Scope
from app.errors import BranchlineError, InvalidInput, NotAllowed, NotFound
from app.pipeline.sign_in import sign_out, sign_out_everywhere
from app.pipeline.tokens import good_tokens, revoke_token, token_of
from app.ports import Transaction
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import actor, caller, needs
from app.web.login import forget_access
from app.web.pages.shell import render
from app.web.sessions import drop_cookie, ends_at, signed_in
from app.web.token_forms import TokenIn
from app.web.tokens import make

pages = Blueprint("pages_account", __name__)

_HERE: Final = "/account"
# How long a token may be chosen to last, in days.
_SPANS: Final = (7, 30, DEFAULT_TOKEN_LIFETIME.days, 366)
_SUGGESTED: Final = {"days": str(DEFAULT_TOKEN_LIFETIME.days)}
_DIGITS: Final = 9
_SCOPES: Final = (
    (Scope.READ, "look"),
    (Scope.DEPLOY, "look, deploy and change files"),
    (Scope.ADMIN, "everything that I may"),
)
# Most say that they are others too: the first that fits is it.
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_DONE: Final = {
    "revoked": "The token is good no more.",
    "ended": "That sign-in has ended.",
}


@pages.get("/account")
@needs(Act.ACCOUNT)
def show_account() -> Response:
    """Show one's tokens and sign-ins."""
    return _page()


@pages.post("/account/tokens")
@needs(Act.ACCOUNT)
def create_token() -> Response:
    """Make a token, and show it this once: the answer is kept nowhere."""
    try:
        token, secret = make(_typed())
    except BranchlineError as error:
        return _page(error=refusal(error))
    return _page(made=token, secret=secret)


@pages.post("/account/tokens/revoke")
@needs(Act.ACCOUNT)
def revoke() -> Response:
    """Have a token good no more."""
    given = context()
    with given.records.begin() as tx:
        token = token_of(tx, request.form.get("token", ""), caller())
        revoke_token(tx, token, actor=actor(), at=given.clock())
    return _back("revoked")


@pages.post("/account/sessions/end")
@needs(Act.ACCOUNT)
def end_session() -> Response:
    """End one of one's sign-ins. Raises NotFound."""
    given, person = context(), caller().person
    with given.records.begin() as tx:
        session = tx.sessions.get(request.form.get("session", ""))
        if session is None or person is None or session.person_id != person.id:
            raise NotFound("looking for that sign-in: it has ended")
        sign_out(tx, session, person, given.clock(), actor=actor())
    return _back("ended")


@pages.post("/account/sign-out-everywhere")
@needs(Act.ACCOUNT)
def leave_everywhere() -> Response:
    """End all of one's sign-ins, this one among them. Raises NotAllowed."""
    given, person = context(), caller().person
    if person is None:
        raise NotAllowed(
            "signing out everywhere: a token that is nobody's has no sign-ins", code="token:of-nobody"
        )
    with given.records.begin() as tx:
        access = sign_out_everywhere(tx, person, given.vault, given.clock(), actor=actor())
    if given.sign_in is not None:
        forget_access(given.sign_in, access)
    response = _to("/login")
    drop_cookie(response)
    return response


def browser_of(agent: str | None) -> str:
    """Return what a browser says it is, in the words that people know; it may say what it likes."""
    told = agent or ""
    browser = next((name for mark, name in _BROWSERS if mark in told), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in told), None)
    return f"{browser} on {system}" if system else browser


def _page(
    *, error: BranchlineError | None = None, made: ApiToken | None = None, secret: str | None = None
) -> Response:
    """Return the page, after something was typed that cannot be with why."""
    given, asking = context(), caller()
    of_everybody = asking.is_operator and "everybody" in request.args
    with given.records.read() as tx:
        tokens = good_tokens(tx, asking, given.clock(), of_everybody=of_everybody)
        names = tx.glances.names({it.app_id for it in tokens if it.app_id})
        sessions = _sessions(tx)
    found = signed_in()
    return render(
        "account.html",
        status=200 if error is None else status_of(error),
        tokens=tokens,
        names=names,
        sessions=sessions,
        here=found[0].digest if found else None,
        ends_at=ends_at,
        browser_of=browser_of,
        of_everybody=of_everybody,
        scopes=_SCOPES,
        spans=_SPANS,
        typed=request.form if error else _SUGGESTED,
        error=error,
        made=made,
        secret=secret,
        done=_DONE.get(request.args.get("done", "")),
    )


def _typed() -> TokenIn:
    """Return what was typed. Raises InvalidInput."""
    given = request.form
    values = {
        "name": given.get("name", ""),
        "scope": given.get("scope", ""),
        "app": given.get("app", "").strip() or None,
        "days": int(given["days"][:_DIGITS]) if given.get("days", "").isdecimal() else 0,
        "service": "service" in given,
    }
    try:
        return TokenIn.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(f"making a token: {first['loc'][0]}: {first['msg']}") from None


def _sessions(tx: Transaction) -> list[Session]:
    person, now = caller().person, context().clock()
    found = tx.sessions.of(person.id) if person else ()
    return [it for it in found if not it.is_over(now)]


def _back(done: str) -> Response:
    return _to(f"{_HERE}?done={done}")


def _to(address: str) -> Response:
    response: Response = redirect(address, 303)  # type: ignore[assignment] # Flask's own is one
    return response
