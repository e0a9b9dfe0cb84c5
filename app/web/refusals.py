"""What the guard says when it refuses: what it takes, and who can give that. When it does, is the guard's."""

from app.domain.apps import App
from app.domain.callers import Caller
from app.domain.rights import Act, Level, Scope
from app.errors import NotAllowed, Unauthenticated


def unauthenticated() -> Unauthenticated:
    """Return what is said to whom nobody knows."""
    return Unauthenticated(
        "calling the API: send Authorization: Bearer with a token of the API that is good, or sign in",
        code="request:unauthenticated",
    )


def too_little(asking: Caller, act: Act, wanted: Level, app: App | None) -> NotAllowed:
    """Return what is said to whose token, or whose permission on the repository, is for less."""
    if asking.cap < wanted:
        scope = next(it for it in Scope if it.cap >= wanted)
        return NotAllowed(
            f"{_doing(act)}: that takes a token of scope {scope}; who made this one can make another",
            code="token:too-narrow",
            needed=wanted.word,
        )
    where = f" on {app.repository_name}" if app is not None and app.repository is not None else ""
    return NotAllowed(
        f"{_doing(act)}: that takes the permission {wanted.word}{where}; whoever administers the repository "
        "can give it on GitHub",
        needed=wanted.word,
    )


def not_the_owners(act: Act, organization: str) -> NotAllowed:
    """Return what is said to whose worker it is, and who is no member any more."""
    return NotAllowed(
        f"{_doing(act)}: a worker's owner does that as a member of {organization}, whom its owners invite on "
        "GitHub; others may look at theirs",
        code="person:not-a-member",
    )


def not_a_creator(organization: str, *, is_whole: bool) -> NotAllowed:
    """Return what is said to who cannot ask for something new; where not `is_whole`, the token is why."""
    if not is_whole:
        return NotAllowed(
            "asking for something new: that takes a token of scope admin for all apps",
            code="token:too-narrow",
        )
    return NotAllowed(
        f"asking for something new: that takes a member of {organization}, whom its owners invite on GitHub",
        code="person:not-a-member",
    )


def not_whole() -> NotAllowed:
    """Return what is said to a token that is for less than an account."""
    return NotAllowed(
        "looking after an account: that takes a sign-in, or a token of scope admin for all apps",
        code="token:too-narrow",
    )


def for_operators() -> NotAllowed:
    """Return what is said to all others."""
    return NotAllowed(
        "operating the platform: that is for operators, whom BRANCHLINE_OPERATORS names", code="operator:only"
    )


def _doing(act: Act) -> str:
    return act.value.replace("-", " ")
