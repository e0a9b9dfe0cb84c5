"""`branchline events` and `branchline apps at`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from app.cli import following
from app.cli.api import Api
from app.errors import RemoteUnavailable
from tests.integration.cli.control import Control, Said

Run = Callable[..., Said]


def an_event(number: int, tag: str = "app:ready") -> dict[str, Any]:
    return {
        "id": number,
        "place": f"0-{number}",
        "tag": tag,
        "subject": "app_1",
        "appId": "app_1",
        "actor": "github:ann",
        "cause": None,
        "at": "2026-11-22T12:00:00Z",
        "payload": {},
    }


def a_message(number: int) -> bytes:
    return f"id: 0-{number}\ndata: {json.dumps(an_event(number))}\n\n".encode()


def test_events_are_listed_page_by_page(control: Control, run: Run) -> None:
    first = {"items": [an_event(3), an_event(2)], "nextCursor": "0-2"}
    control.answer("GET", "/api/events", first, {"items": [an_event(1)], "nextCursor": None})
    said = run("events", "list", "--app", "shop", "--tag", "app:", "--json")
    assert [it["id"] for it in json.loads(said.out)] == [3, 2, 1]
    assert [path for _, path, _ in control.asked] == [
        "/api/events?limit=30&app=shop&tag=app%3A",
        "/api/events?limit=28&before=0-2&app=shop&tag=app%3A",
    ]
    said = run("events", "list")
    assert "app:ready" in said.out
    assert "github:ann" in said.out


def test_events_are_listed_from_a_place_on(control: Control, run: Run) -> None:
    control.answer("GET", "/api/events", {"items": [an_event(8)], "nextCursor": None})
    run("events", "list", "--after", "0-7", "--limit", "5")
    assert control.asked[0][1] == "/api/events?limit=5&after=0-7"


def test_following_goes_on_behind_the_last_event(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_PAUSE_SECONDS", (0.01, 0.02))
    first = b"retry: 2000\n: heartbeat\nid: 0-4\n\n" + a_message(5)
    reset = b'event: reset\nid: 0-9\ndata: {"code": "event:archived", "message": "gone"}\n\n'
    control.answer("GET", "/api/events/stream", first, b"", reset + a_message(10))
    told = following.follow_events(Api.from_environ(), None, {"app": "shop", "tag": None, "subject": None})
    assert [(name, it.get("id")) for name, it in _first(told, 3)] == [
        ("message", 5),
        ("reset", None),
        ("message", 10),
    ]
    assert control.asked[0][1] == "/api/events/stream?app=shop"


def test_a_control_plane_that_does_not_answer_is_said_at_once(control: Control) -> None:
    control.refuse("GET", "/api/events/stream", 503, "request:overloaded", "too many")
    with pytest.raises(RemoteUnavailable, match="too many"):
        next(following.follow_events(Api.from_environ(), None, {}))


def test_where_it_goes_on_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_PAUSE_SECONDS", (0.0, 0.0))
    asked, api = list[str | None](), Api("http://127.0.0.1:9", "token")

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("Last-Event-ID"))
        return httpx.Response(200, content=a_message(len(asked)))

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(api, "_http", httpx.Client(transport=transport, base_url="http://127.0.0.1:9"))
    list(_first(following.follow_events(api, "0-0", {}), 3))
    assert asked == ["0-0", "0-1", "0-2"]


def _first(told: Iterator[Any], number: int) -> list[Any]:
    return [next(told) for _ in range(number)]


def test_archives_are_listed_and_one_is_printed(control: Control, run: Run) -> None:
    archive = {
        "firstId": 1,
        "lastId": 9,
        "firstAt": "2025-11-22T00:00:00Z",
        "lastAt": "2025-11-22T23:00:00Z",
        "number": 9,
        "sha256": "ab" * 32,
        "archivedAt": "2026-11-22T12:00:00Z",
    }
    control.answer("GET", "/api/events/archives", {"items": [archive]})
    assert "abababababab" in run("events", "archives").out
    assert "abababababab" in run("events", "archives", "list").out
    control.answer("GET", "/api/events/archives/1", b'{"id": 1}\n{"id": 2}\n')
    assert run("events", "archives", "show", "1").out == '{"id": 1}\n{"id": 2}\n'


def test_what_was_live_then_is_shown(control: Control, run: Run) -> None:
    shown = {
        "url": "https://x",
        "pullRequest": None,
        "deploymentId": "dpl_1",
        "commit": "c" * 40,
        "branch": "main",
        "pinned": True,
        "since": "2026-11-22T11:00:00Z",
        "by": "ada",
        "why": "rolled-back",
    }
    moment = {
        "time": "2026-11-22T12:00:00Z",
        "knownSince": "2026-11-01T00:00:00Z",
        "isKnown": True,
        "environments": {"production": shown, "staging": None},
        "previews": [shown | {"pullRequest": 7, "pinned": False}],
    }
    control.answer("GET", "/api/apps/shop/at", moment)
    said = run("apps", "at", "shop", "2026-11-22T12:00:00Z")
    assert "rolled-back (pinned)" in said.out
    assert "preview #7" in said.out
    control.answer(
        "GET", "/api/apps/shop/at", moment | {"isKnown": False, "environments": {}, "previews": []}
    )
    said = run("apps", "at", "shop", "2026-01-01T12:00:00Z")
    assert "before 2026-11-01" in said.err
