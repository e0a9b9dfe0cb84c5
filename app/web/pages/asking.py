"""Who looks at a page, and what they may do from it: so that no button is shown which would only refuse."""

from typing import cast

from flask import g

from app.domain.apps import App
from app.domain.callers import OPERATOR, Caller
from app.domain.environments import Environment
from app.domain.rights import Act, Level, needed
from app.web.auth import require_token


def let_in() -> None:
    """Let a request for a page pass. Raises Unauthenticated."""
    require_token()
    g.asking = OPERATOR


def asking() -> Caller | None:
    """Return who looks; None on the pages that anybody may see."""
    return cast("Caller | None", g.get("asking"))


def form_key() -> str:
    """Return what proves that a form was ours: it is of this sign-in."""
    return ""


def level_on(app: App) -> Level:
    """Return how much the caller may do to an app."""
    del app
    caller = asking()
    return caller.cap if caller is not None else Level.NONE


def may(act: Act, app: App, environment: Environment | None = None) -> bool:
    """Tell whether the caller may do something to an app."""
    return level_on(app) >= needed(act, environment)
