"""Who sees what: two people with an app each, one who may only look, one who was let go, and strangers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from sandbox.plan import GUEST, OPERATOR, OUTSIDER
from sandbox.waiting import wait_for
from tests.browser.app_page import ONLY_PRODUCTION, AppPage
from tests.browser.visits import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from playwright.sync_api import Browser, Page, StorageState

    from sandbox.developer import App, Developer
    from tests.browser.conftest import Begin
    from tests.e2e.leftovers import Inspector

pytestmark = pytest.mark.timeout(600)
# Rights are believed for a minute; a list is looked at again with the next page.
FORGOTTEN_SECONDS = 75
_MAIN = re.compile(r"<main.*</main>", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """An app that one person was let into, with what there is of it."""

    name: str
    app: dict[str, Any]
    job: str
    deployment: str

    @property
    def addresses(self) -> dict[str, str]:
        """Each page with the name of what it is about, in place of which nonsense could stand."""
        return {
            f"/apps/{self.name}": self.name,
            f"/apps/{self.app['slug']}": self.app["slug"],
            f"/deployments/{self.deployment}": self.deployment,
            f"/jobs/{self.job}": self.job,
            f"/api/apps/{self.app['id']}": self.app["id"],
            f"/api/jobs/{self.job}": self.job,
        }


@pytest.fixture(scope="module")
def places(developer: Developer, inspector: Inspector) -> dict[str, Place]:
    """Two apps, by who was let into them: neither person is of the organisation."""
    names = {OUTSIDER: "till", GUEST: "booth"}
    asked = {
        login: developer.request_app(name, private=True, branches=ONLY_PRODUCTION)
        for login, name in names.items()
    }
    for login, answer in asked.items():
        developer.wait_for_job(answer["jobId"])
        let(inspector, developer.branchline.get(f"/api/apps/{answer['id']}"), login, "push")
    return {login: _place(developer, answer) for login, answer in asked.items()}


def _place(developer: Developer, answer: dict[str, Any]) -> Place:
    app = developer.branchline.get(f"/api/apps/{answer['id']}")

    def look() -> tuple[str | None, object]:
        items = developer.branchline.get(f"/api/apps/{app['id']}/deployments")["items"]
        return (items[0]["id"] if items else None), items

    return Place(app["name"], app, answer["jobId"], wait_for("its first deployment", look, 120))


def let(inspector: Inspector, app: dict[str, Any], login: str, permission: str) -> None:
    """Have GitHub let somebody do that much."""
    path = f"/repos/{app['repository']['fullName']}/collaborators/{login}"
    inspector.github.call("PUT", path, {"permission": permission})


@pytest.fixture(scope="module")
def dismissed(  # noqa: PLR0917 - fixtures
    browser: Browser,
    url: str,
    sign_ins: Callable[[str], StorageState],
    inspector: Inspector,
    shop: App,
    places: dict[str, Place],
) -> Iterator[Visit]:
    """Somebody who looks at an app's page, and is let go meanwhile; who signs in is told of all places."""
    assert places
    let(inspector, shop.detail, OUTSIDER, "pull")
    visit = Visit.begin(browser, url, sign_ins(OUTSIDER))
    visit.expected.add(404)
    AppPage.opened(visit.page, "shop")
    expect(visit.page.get_by_role("heading", name="shop")).to_be_visible()
    inspector.github.call("DELETE", f"/repos/{shop.repository}/collaborators/{OUTSIDER}")
    yield visit
    visit.end()


def names(page: Page) -> set[str]:
    """Return which apps are in the list."""
    page.goto("/")
    expect(page.locator(".apps-table")).to_be_visible()
    return set(page.locator(".app-name").all_inner_texts())


def refusal(page: Page, path: str, key: str) -> tuple[int, str]:
    """Return how a page is refused, without the name that was asked for."""
    answer = page.request.get(path)
    told = _MAIN.search(answer.text())
    return answer.status, (told[0] if told else answer.text()).replace(key, "KEY")


@pytest.mark.usefixtures("dismissed")
@pytest.mark.parametrize(("login", "other"), [(OUTSIDER, GUEST), (GUEST, OUTSIDER)])
def test_people_see_their_own_app_and_no_trace_of_anothers(
    login: str, other: str, visits: Begin, places: dict[str, Place]
) -> None:
    page = visits(login).page
    assert places[login].name in names(page)
    assert places[other].name not in names(page)
    for path in places[login].addresses:
        assert page.request.get(path).status == 200, path
    for path, key in places[other].addresses.items():
        nonsense = key[:-4] + "zzzz"
        refused = refusal(page, path, key)
        assert refused == refusal(page, path.replace(key, nonsense), nonsense)
        assert refused[0] == 404
    page.goto("/activity")
    expect(page.locator("main")).not_to_contain_text(places[other].name)


def test_a_worker_is_its_owners_alone(visits: Begin, ada: Visit) -> None:
    ada.page.goto("/workers/new")
    ada.page.get_by_role("button", name="Deploy").click()
    expect(ada.page).to_have_url(re.compile(r"/workers/(?!new$)[^/]+$"))
    slug = ada.page.url.rpartition("/")[2]
    for login in (OUTSIDER, GUEST):
        page = visits(login).page
        found = refusal(page, f"/workers/{slug}", slug)
        assert found == refusal(page, "/workers/zzzzzzzz", "zzzzzzzz")
        assert found[0] == 404
    assert visits(OPERATOR).page.request.get(f"/workers/{slug}").status == 200


def test_who_may_only_read_is_offered_nothing_and_a_forged_form_is_refused(
    visits: Begin, inspector: Inspector, shop: App
) -> None:
    let(inspector, shop.detail, GUEST, "pull")
    page = visits(GUEST).page
    AppPage.opened(page, "shop")
    expect(page.get_by_role("article", name="production")).to_be_visible()
    expect(page.locator("main form[method=post], main details[data-confirm]")).to_have_count(0)
    key = page.locator("body").get_attribute("data-form-key")
    form: dict[str, str | float | bool] = {"environment": "production", "name": "FORGED", "value": "1"}
    for sent in (form, {**form, "form_key": str(key)}):
        answer = page.request.post(f"/apps/{shop.slug}/variables", form=sent)
        assert answer.status == 403
    assert "that takes the permission write" in answer.text()
    variables = shop.developer.branchline.get(f"/api/apps/{shop.slug}/environments/production/variables")
    assert "FORGED" not in str(variables)


def test_operators_see_every_app_and_what_github_delivered(visits: Begin, places: dict[str, Place]) -> None:
    page = visits(OPERATOR).page
    assert {place.name for place in places.values()} <= names(page)
    page.get_by_role("link", name="Deliveries").click()
    expect(page.locator(".job-row").first).to_be_visible()


@pytest.mark.parametrize("value", ["garbage", "garbage.c2lnbmVk", "x" * 4000])
def test_a_cookie_that_is_none_of_ours_leads_to_the_sign_in(visits: Begin, url: str, value: str) -> None:
    page = visits(None).page
    page.context.add_cookies([{"name": "branchline", "value": value, "url": url}])
    page.goto("/activity?app=shop")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Factivity%3Fapp%3Dshop$"))


@pytest.mark.parametrize("away", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(visits: Begin, url: str, away: str) -> None:
    visit = visits(None)
    visit.sign_in(OUTSIDER, away)
    expect(visit.page).to_have_url(f"{url}/")


def test_signing_out_everywhere_ends_a_second_browser(visits: Begin) -> None:
    first, second = visits(None), visits(None)
    for visit in (first, second):
        visit.sign_in(GUEST)
    first.page.goto("/account")
    first.page.get_by_text("Sign out everywhere").first.click()
    first.page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(first.page).to_have_url(re.compile("/login"))
    second.page.goto("/")
    expect(second.page).to_have_url(re.compile("/login"))


def test_who_was_let_go_loses_the_app_within_the_minute(dismissed: Visit, shop: App) -> None:
    page = dismissed.page

    def look() -> tuple[bool | None, object]:
        status = page.request.get(f"/apps/{shop.slug}").status
        return (True if status == 404 else None), status

    wait_for("the app is out of sight", look, FORGOTTEN_SECONDS, every=1)
    assert "shop" not in names(page)
