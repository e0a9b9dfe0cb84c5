"""What GitHub's webhooks sent, how it went, and having it sent again: an App's webhook or a repository's.

Which of it we lack is not known here. An App's webhook is asked about with the App's own key, not with the
installation's token.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from app.domain.redelivery import Attempt
from app.errors import Malformed, RemoteUnavailable
from app.github.client import GitHub, path
from app.github.fields import Fields
from app.github.headers import KEPT_HEADERS
from app.ports.redelivery import APP_HOOK, Hook, SentPage

_PER_PAGE: Final = "100"
# What GitHub names it by when it sends, whatever was kept of the headers.
_NAMING: Final = ("X-GitHub-Event", "X-GitHub-Delivery")


def redelivery_window(api_url: str) -> timedelta:
    """Return how old a delivery may be for GitHub to send it again: longer on others' servers."""
    # https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
    host = urlsplit(api_url).hostname or ""
    is_github = host == "api.github.com" or host.endswith(".ghe.com")
    return timedelta(days=3 if is_github else 7)


class GitHubHookDeliveries:
    """Port `HookDeliveries`."""

    # https://docs.github.com/en/rest/apps/webhooks
    # https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook
    def __init__(self, github: GitHub) -> None:
        self._github = github

    def sent(self, hook: Hook, cursor: str | None = None) -> SentPage:
        """Return up to a hundred sendings, the newest, or those behind `cursor`."""
        query = {"per_page": _PER_PAGE} | ({"cursor": cursor} if cursor else {})
        doing = f"listing the deliveries of {_name(hook)}"
        with self._github.doing(doing):
            headers, rows = self._github.answer("GET", _place(hook), query=query, as_app=hook == APP_HOOK)
        return SentPage(_attempts(rows, doing), _next_cursor(str(headers.get("link", ""))))

    def again(self, hook: Hook, attempt_id: int) -> None:
        """Have a delivery sent again under its guid."""
        with self._github.doing(f"asking {_name(hook)} to send delivery {attempt_id} again"):
            place = f"{_place(hook)}/{attempt_id}/attempts"
            self._github.answer("POST", place, as_app=hook == APP_HOOK)

    def fetch(self, hook: Hook, attempt_id: int) -> tuple[Mapping[str, str], bytes]:
        """Return the headers and the body of a sending as GitHub keeps them."""
        doing = f"reading delivery {attempt_id} of {_name(hook)}"
        with self._github.doing(doing):
            whole = self._github.answer("GET", f"{_place(hook)}/{attempt_id}", as_app=hook == APP_HOOK)[1]
        try:
            return _kept(whole)
        except Malformed as error:
            raise RemoteUnavailable(f"{doing}: {error.message}") from error


def _place(hook: Hook) -> str:
    if hook == APP_HOOK:
        return "/app/hook/deliveries"
    return path("repos", hook.full_name, "hooks", hook.id, "deliveries")


def _name(hook: Hook) -> str:
    return f"webhook {hook.id} of {hook.full_name}" if hook.full_name else "the App's webhook"


def _attempts(rows: Any, doing: str) -> list[Attempt]:
    """Return the sendings of a page; one that cannot be read keeps nobody else back.

    Raises:
        RemoteUnavailable: it is no page, or nothing on it can be read.
    """
    try:
        listed = list(Fields({"rows": rows}, "$", "GitHub's answer").each("rows"))
    except Malformed as error:
        raise RemoteUnavailable(f"{doing}: {error.message}") from error
    found = [attempt for row in listed if (attempt := _attempt_or_none(row))]
    if listed and not found:
        raise RemoteUnavailable(f"{doing}: nothing of the answer can be read")
    return found


def _attempt_or_none(row: Fields) -> Attempt | None:
    try:
        return _attempt(row)
    except Malformed:
        return None


def _attempt(row: Fields) -> Attempt:
    return Attempt(
        id=row.number("id"),
        guid=row.text("guid"),
        event=row.text("event"),
        delivered_at=row.time("delivered_at"),
        is_redelivery=row.flag("redelivery"),
        status_code=row.number("status_code"),
    )


def _kept(whole: Any) -> tuple[Mapping[str, str], bytes]:
    request = Fields(whole if isinstance(whole, dict) else {}, "$", "GitHub's answer").inner("request")
    headers, payload = request.raw("headers"), request.raw("payload")
    named = headers if isinstance(headers, dict) else {}
    if not isinstance(payload, dict) or not named.keys() >= set(_NAMING):
        raise Malformed("its payload, or what it is, is not told")
    # As GitHub writes it, so that the bytes are mostly those that were sent.
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return {name: str(named[name]) for name in KEPT_HEADERS if name in named}, body


def _next_cursor(link: str) -> str | None:
    """Return the cursor of the next page from a `Link` header."""
    # https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    for part in link.split(","):
        address, _, kind = part.partition(";")
        if 'rel="next"' in kind:
            query = dict(parse_qsl(urlsplit(address.strip().strip("<>")).query))
            return query.get("cursor")
    return None
