"""The list of apps: what a row says, how it is filtered and leafed through, and what it costs."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from app.errors import RemoteUnavailable
from tests.builders import a_repository, an_app
from tests.integration.web.people import a_person, bearing
from tests.integration.web.reading import Page
from tests.integration.web.world import AUTHORIZED, World
from tests.page_world import Filled, fill


@pytest.fixture
def filled(world: World) -> World:
    with world.records.begin() as tx:
        fill(tx, world.clock())
    return world


def page(world: World, path: str) -> Page:
    answer = world.call("GET", path, headers={**AUTHORIZED, "Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def rows(shown: Page) -> list[str]:
    return [row.text for row in shown.all("tr")[1:]]


def names(shown: Page) -> list[str]:
    return [it.text for it in shown.all("span", class_="app-name")]


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    statements = list[str]()

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(world.database, "before_cursor_execute", note)
    yield statements
    event.remove(world.database, "before_cursor_execute", note)


def test_a_row_says_how_an_app_stands(filled: World) -> None:
    shown = page(filled, "/")
    assert rows(shown)[:2] == [
        (
            "shop drift 2 pinned b0000014.apps.test building preview #44 92cab02 "
            "Show the price with tax before the address is known just now by grace 3 open"
        ),
        "billing b0000013.apps.test error production f5435e1 Bump vite from 7.1 to 7.2 24 min ago by ada",
    ]
    assert rows(shown)[-1] == "play nothing in production yet no deployment yet 399 d ago"
    hrefs = [it["href"] for it in shown.all("a")]
    assert "https://b0000014.apps.test" in hrefs
    assert "https://github.example/acme/shop/commit/" in " ".join(hrefs)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=ING", ["billing", "landing", "pricing"]),
        ("q=%25", []),
        ("status=detached", ["landing"]),
        ("environment=staging", ["shop"]),
        ("environment=preview&q=s", ["shop", "search"]),
        ("status=no-such&q=docs", ["docs"]),
    ],
)
def test_a_filter_narrows_the_list(filled: World, query: str, expected: list[str]) -> None:
    assert names(page(filled, f"/?{query}")) == expected


def test_pages_are_leafed_through_under_a_filter(world: World) -> None:
    with world.records.begin() as tx:
        for number in range(1, 121):
            tx.apps.add(an_app(number, repository=a_repository(number)))
    first = page(world, "/?q=app")
    second = page(world, first.one("a", rel="next")["href"])
    third = page(world, second.one("a", rel="next")["href"])
    assert [len(names(it)) for it in (first, second, third)] == [50, 50, 20]
    assert first.all("a", rel="prev") == third.all("a", rel="next") == []
    back = page(world, third.one("a", rel="prev")["href"])
    assert names(back) == names(second)
    assert names(page(world, back.one("a", rel="prev")["href"])) == names(first)


def test_a_page_takes_a_handful_of_statements_however_long_it_is(world: World) -> None:
    with world.records.begin() as tx:
        filled = Filled(tx, world.clock())
        for app in filled.apps([f"app-{number}" for number in range(50)]):
            filled.live(app, hours=1)
    with counted(world) as statements:
        assert len(names(page(world, "/"))) == 50
    assert len(statements) <= 8


def test_nothing_there_says_what_to_do(world: World) -> None:
    empty = page(world, "/")
    assert empty.one("button", class_="copy")["data-copy"] == "branchline apps create shop"
    assert [it["href"] for it in empty.all("a", class_="primary")] == ["/apps/new", "/apps/new"]
    assert "The quickest thing to try: a worker answers in seconds" in empty.text
    assert empty.one("a", href="/workers/new").text == "a worker"
    world.app(1)
    assert "Nothing that you may see matches this filter" in page(world, "/?q=zzz").text


def test_nothing_new_is_offered_while_nobody_can_tell_who_may(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> bool:
        raise RemoteUnavailable("looking whether ada belongs to acme: GitHub does not answer")

    monkeypatch.setattr("app.web.pages.shell.may_create", away)
    assert page(filled, "/").all("a", class_="primary") == []


def test_only_news_of_what_is_shown_has_the_list_fetched_again(filled: World) -> None:
    section = page(filled, "/?q=shop").one("section", data_part="rows")
    assert section["data-subjects"] == "app_000014"
    assert section["data-live"] == "/?q=shop&part=rows"


def test_an_app_that_is_called_as_a_page_is_reached_all_the_same(world: World) -> None:
    world.app(1, name="new")
    (link,) = [it for it in page(world, "/").all("a") if it.text == "new"]
    assert link["href"] == "/apps/slug0001"
    assert page(world, link["href"]).one("h1").text == "new"


def test_a_cursor_that_is_not_ours_is_refused(world: World) -> None:
    assert world.call("GET", "/?cursor=nonsense", headers=AUTHORIZED).status_code == 400


def test_who_may_not_create_is_told_whom_to_ask(world: World) -> None:
    headers = {**bearing(world, a_person(world, "ada")), "Accept": "text/html"}
    empty = Page(world.client.get("/", headers=headers).text)
    assert "Ask whoever administers it to add you there" in empty.text
    assert [it["href"] for it in empty.all("a") if it["href"].endswith("/new")] == []
