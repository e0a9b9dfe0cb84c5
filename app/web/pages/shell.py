"""The shell of every page: its frame, its parts, its assets, and the headers under which a browser runs it.

What a page shows is the page's own business; who asks is `guard`'s.
"""

import re
import secrets
from contextlib import suppress
from functools import cache
from importlib.resources import files
from json import loads
from typing import Any, Final, cast
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, make_response, render_template, request, url_for
from jinja2 import StrictUndefined, TemplateNotFound
from werkzeug.routing import Rule

from app.domain.callers import Caller
from app.errors import BranchlineError, NotFound, RemoteUnavailable
from app.web.context import context
from app.web.guard import caller, is_open, may, may_create
from app.web.pages import filters
from app.web.sessions import SAFE_METHODS, form_key

HTML: Final = "text/html"
_OK: Final = 200
_PART_NAME: Final = re.compile(r"[a-z_]{1,40}", re.ASCII)
# Where the menu leads, each with the blueprint that has it; the last are for operators.
_MENU: Final = (
    ("Apps", "/", "pages_apps", False),
    ("Workers", "/workers", "pages_workers", False),
    ("Activity", "/activity", "pages_activity", False),
    ("Jobs", "/jobs", "pages_jobs", False),
    ("Deliveries", "/deliveries", "pages_deliveries", True),
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not stricter: with it a browser says of our own forms that their origin is "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "private, no-store",
    "Vary": "Cookie",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_YEAR_SECONDS: Final = 31_536_000


def register_shell(web: Flask) -> None:
    """Give the application's templates what all pages share, and its answers their headers."""
    jinja = web.jinja_env
    jinja.undefined = StrictUndefined
    jinja.trim_blocks = jinja.lstrip_blocks = True
    jinja.filters.update(filters.FILTERS)
    jinja.globals.update(
        asset=asset,
        form_key=form_key,
        asking=asking,
        may=may,
        may_create=_may_create,
        menu=_menu,
        now=lambda: context().clock().isoformat(timespec="milliseconds"),
        part_url=part_url,
        platform=lambda: context().platform,
        stream_after=lambda: g.get("stream_after", ""),
    )
    # Behind the guard's own look: who may not see a page has nothing read for it.
    web.before_request(_note_place)
    web.after_request(_guard_answer)


def render(template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page; with `?part=name` only the part of that name, which is a template in the page's folder.

    `apps.html` has its parts in `apps/`. A browser that has the same already is told so.

    Raises:
        NotFound: the page has no such part.
    """
    part = wanted_part() if status == _OK else None
    text = render_template(template, **values) if part is None else _part(template, part, values)
    answer = make_response(text, status)
    answer.mimetype = HTML
    if status == _OK:
        answer.add_etag(weak=True)
        answer.make_conditional(request)
    return answer


def asking() -> Caller | None:
    """Return who looks at the page; None where nobody signed in, or it cannot be told."""
    try:
        return caller()
    except BranchlineError:
        return None


def wanted_part() -> str | None:
    """Return the one part of the page that is asked for; None for all of it."""
    return request.args.get("part")


def part_url(part: str) -> str:
    """Return where a part of this page is, as it is being looked at."""
    rule = _page_rule()
    known = {name: value for name, value in (request.view_args or {}).items() if name in rule.arguments}
    asked = {**request.args.to_dict(flat=False), "part": [part]}
    return f"{url_for(rule.endpoint, **known)}?{urlencode(asked, doseq=True)}"


def asset(name: str) -> str:
    """Return the address of an asset by the name of its source: `page.css` is `page-4XLTZQ2D.css`."""
    return f"/static/{_manifest()[name]}"


def style_nonce() -> str:
    """Return what this page's scripts mark their styles with; the policy lets no others in."""
    if "style_nonce" not in g:
        g.style_nonce = secrets.token_urlsafe(16)
    return str(g.style_nonce)


def allow_form_target(origin: str) -> None:
    """Let forms of this page lead on to another origin: whom people sign in with."""
    g.form_target = origin


def _note_place() -> None:
    """Note how far the record is before a page is read: what comes about from then on, its stream tells."""
    is_page = (request.blueprint or "").startswith("pages_") and not is_open(str(request.endpoint))
    if not is_page or wanted_part() is not None:
        return
    with suppress(RemoteUnavailable), context().records.read() as tx:
        g.stream_after = str(tx.events.newest())


def _page_rule() -> Rule:
    """Return the route of this page itself; one that answers a form has its address above the form's."""
    rule = cast("Rule", request.url_rule)
    if request.method in SAFE_METHODS:
        return rule
    pages = {it.rule: it for it in current_app.url_map.iter_rules() if "GET" in (it.methods or ())}
    steps = rule.rule.split("/")
    above = ("/".join(steps[:length]) for length in range(len(steps), 1, -1))
    return next((pages[it] for it in above if it in pages), rule)


@cache
def _manifest() -> dict[str, str]:
    return dict(loads((files("app.web") / "static" / "manifest.json").read_text()))


def _part(template: str, part: str, values: dict[str, Any]) -> str:
    try:
        if _PART_NAME.fullmatch(part):
            return render_template(f"{template.removesuffix('.html')}/{part}.html", **values)
    except TemplateNotFound:
        pass
    raise NotFound("looking for a part of this page: there is none of that name")


def _menu() -> list[tuple[str, str, bool]]:
    """Return what the menu shows to whom it may concern: a label, an address, and whether one is there."""
    somebody = asking()
    is_operator = somebody is not None and somebody.is_operator
    return [
        (label, path, request.blueprint == blueprint)
        for label, path, blueprint, for_operators in _MENU
        if blueprint in current_app.blueprints and (is_operator or not for_operators)
    ]


def _may_create() -> bool:
    """Tell whether to offer something new: not while that cannot be found out."""
    try:
        return may_create()
    except BranchlineError:
        return False


def _guard_answer(answer: Response) -> Response:
    if request.endpoint == "static" and answer.status_code in {200, 206, 304}:
        answer.headers["Cache-Control"] = _FOR_EVER
        answer.headers["X-Content-Type-Options"] = "nosniff"
    elif answer.mimetype == HTML:
        for name, value in (*_HEADERS.items(), ("Content-Security-Policy", _policy())):
            answer.headers.setdefault(name, value)
        if context().platform.url.startswith("https:"):
            answer.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR_SECONDS}")
    else:
        # Whoever signed in may ask by cookie, which keeps no cache from keeping the answer for others.
        is_known = "ETag" in answer.headers
        answer.headers.setdefault("Cache-Control", "private, no-cache" if is_known else "private, no-store")
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    return answer


def _policy() -> str:
    """Return what a browser may load: nothing from elsewhere, and nothing that is written into the page."""
    nonce = f" 'nonce-{g.style_nonce}'" if "style_nonce" in g else ""
    target = f" {g.form_target}" if "form_target" in g else ""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'{nonce}; img-src 'self' data: https:; "
        f"font-src 'self'; connect-src 'self'; form-action 'self'{target}; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
