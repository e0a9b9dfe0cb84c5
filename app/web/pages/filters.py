"""Filters of the templates: text of others, times and sizes as pages show them. Nothing here is asked for."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from app.render.text import one_line
from app.web.context import context

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
# Longer than this nobody reads in a list; the whole is in the title.
_LINE: Final = 300
# No place for a line is narrower than this, but on a phone, which shows no titles.
_SHORT_LINE: Final = 24
_SHORT_COMMIT: Final = 7
_TIME: Final = Markup('<time class="ago" datetime="%sZ" title="%s UTC">%s</time>')
_ISOLATED: Final = Markup("<bdi>%s</bdi>")
_ISOLATED_LINE: Final = Markup('<bdi class="line">%s</bdi>')
_CUT: Final = Markup('<bdi class="line" title="%s">%s</bdi>')
_LINK: Final = Markup('<a href="%s" rel="noopener noreferrer">%s</a>')


def ago(moment: datetime | None) -> Markup:
    """Return how long ago something was, with the exact time on hover; a dash for never."""
    if moment is None:
        return Markup('<span class="faint">-</span>')
    exact = moment.astimezone(UTC)
    written = exact.isoformat(" ", timespec="seconds").removesuffix("+00:00")
    passed = (context().clock() - exact).total_seconds()
    # By % and not by format, which takes five times as long: a page has a hundred of these.
    return _TIME % (written.replace(" ", "T"), written, relative(passed))


def relative(passed: float) -> str:
    """Return in words how many seconds have passed, or are still to come when there are fewer than none."""
    span, form = abs(passed), "{} ago" if passed >= 0 else "in {}"
    if span < _MINUTE:
        return "just now" if passed >= 0 else "in under a minute"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if span >= unit:
            return form.format(f"{int(span // unit)} {name}")
    raise AssertionError("unreachable: a minute is the smallest unit")


def short(commit: str | None) -> str:
    """Return the beginning of a commit's hash by which people name it."""
    return (commit or "")[:_SHORT_COMMIT]


def seconds(value: float | None) -> str:
    """Return a span as people read it: 0.4 s, 12 s, 3 min 20 s."""
    if value is None:
        return "-"
    if value < 10:  # noqa: PLR2004 - below it a tenth matters
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), _MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def isolate(text: str | None) -> Markup:
    """Return text of others so that no mark in it turns what stands beside it around."""
    return _ISOLATED % (text or "")


def line(text: str | None) -> Markup:
    """Return text of others as one line that the page cuts off where there is no room, whole in its title.

    Short ones have no title: there is room for them, and a page has a hundred.
    """
    whole = text or ""
    first = one_line(whole.partition("\n")[0], _LINE)
    return _ISOLATED_LINE % first if first == whole and len(whole) <= _SHORT_LINE else _CUT % (whole, first)


def link(text: object, url: str | None) -> Markup:
    """Return a link to another site, or only its text when that is no address of the web."""
    if url is None or not _is_of_the_web(url):
        return escape(text)
    return _LINK % (url, text)


def host(url: str) -> str:
    """Return an address without what every address begins with."""
    return url.partition("://")[2].rstrip("/")


def who(actor: str | None) -> str:
    """Return who did something in the fewest words: a person's login, a token's name."""
    if actor is not None and actor.startswith("job_"):
        return "job"
    kind, colon, name = (actor or "").partition(":")
    return name if colon and kind in {"person", "github", "token"} else (actor or "somebody")


def _is_of_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "ago": ago,
    "host": host,
    "isolate": isolate,
    "line": line,
    "link": link,
    "seconds": seconds,
    "short": short,
    "who": who,
}
