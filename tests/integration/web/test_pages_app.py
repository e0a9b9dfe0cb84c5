"""An app's page: what it shows, what is done from it, and what is not offered to whom."""

from itertools import takewhile
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.apps import AppStatus, Heal
from app.domain.environments import Environment
from app.domain.events import Selection
from app.domain.jobs import JobType
from app.domain.rights import Act, Level, needed
from tests.integration.web.reading import Page
from tests.integration.web.world import AUTHORIZED, World
from tests.page_world import Filled, fill, provisioning

SHOP = "app_000014"


@pytest.fixture
def filled(world: World) -> World:
    with world.records.begin() as tx:
        fill(tx, world.clock())
    return world


def page(world: World, path: str = "/apps/shop") -> Page:
    answer = world.call("GET", path, headers={**AUTHORIZED, "Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def act(world: World, action: str, app: str = "shop", **form: Any) -> TestResponse:
    return world.call("POST", f"/apps/{app}/{action}", data=form)


def done(answer: TestResponse, what: str) -> None:
    assert answer.status_code == 303, Page(answer.text).text
    assert f"?done={what}#" in answer.headers["Location"]


def refused(answer: TestResponse, status: int, why: str) -> Page:
    assert answer.status_code == status, answer.text
    shown = Page(answer.text)
    assert why in shown.one("p", class_="notice-bad").text
    return shown


def jobs(world: World) -> list[tuple[JobType, dict[str, Any]]]:
    with world.records.read() as tx:
        return [(it.type, dict(tx.jobs.get(it.id).arguments)) for it in tx.jobs.unfinished()]


def column(shown: Page, environment: str) -> str:
    return shown.one("article", aria_label=environment).text


# -------------------- what is seen


def test_three_environments_stand_side_by_side(filled: World) -> None:
    shown = page(filled)
    production, staging = column(shown, "production"), column(shown, "staging")
    assert production.startswith(
        "Production pinned live b0000014.apps.test Bump vite from 7.1 to 7.2 20c7f98"
    )
    assert "held back by the pin" in production
    assert staging.startswith("Staging live staging-b0000014.apps.test Let keyboards reach the size picker")
    assert "by margaret live since 1 h ago" in staging
    assert column(shown, "preview").startswith("Preview search live preview-b0000014.apps.test")


def test_everything_that_has_an_id_has_its_own(filled: World) -> None:
    ids = [it["id"] for it in page(filled).elements if "id" in it.attributes]
    assert len(ids) == len(set(ids)), sorted(ids)
    assert {"resume-production-ask", "promote-staging-ask", "promote-pull-43-ask", "delete-app-ask"} <= set(
        ids
    )


def test_previews_tell_when_they_end(filled: World) -> None:
    lines = [it.text for it in page(filled).all("li", class_="preview")]
    assert [line.split()[0] for line in lines] == ["#44", "#43", "#41", "#38"]
    told = {line.split()[0]: line for line in lines}
    assert "7 days left" in told["#43"]
    assert "2 days left" in told["#41"]
    assert "expired" in told["#38"]
    (ended,) = page(filled).all("li", class_="is-expired")
    assert "#38" in ended.text


@pytest.mark.parametrize(
    ("days_left", "told", "look"),
    [
        (-1, "expired", "tag tag-faint"),
        (0.5, "last day", "tag tag-warn"),
        (1.2, "2 days left", "tag tag-warn"),
        (2, "2 days left", "tag tag-warn"),
        (2.1, "3 days left", "faint"),
        (None, "no end", "faint"),
    ],
)
def test_a_preview_warns_from_two_days_before_its_end(
    world: World, days_left: float | None, told: str, look: str
) -> None:
    with world.records.begin() as tx:
        invented = Filled(tx, world.clock())
        (app,) = invented.apps(["shop"])
        for number, left in ((1, days_left), (2, 6.5)):
            invented.pull(app, number, f"Pull {number}")
            invented.live(app, Environment.PREVIEW, hours=number, pull=number, days_left=left)
    shown = page(world)
    assert (told, look) in marks(shown, "#1")
    assert ("7 days left", "faint") in marks(shown, "#2")
    assert [it.text for it in shown.all("span", class_="tag-warn")] == [told] * (look == "tag tag-warn")


def marks(shown: Page, pull: str) -> list[tuple[str, str]]:
    """Return the text and the classes of what is marked in the row of a pull request."""
    (row,) = [it for it in shown.all("li", class_="preview") if it.text.startswith(f"{pull} ")]
    inside = takewhile(lambda it: it.tag != "li", shown.elements[shown.elements.index(row) + 1 :])
    return [(it.text, it.attributes.get("class", "")) for it in inside if it.tag == "span"]


def test_a_deployment_tells_what_its_seconds_went_into(filled: World) -> None:
    shown = page(filled)
    assert len(shown.all("li", class_="entry")) == 20
    bars = shown.all("svg", class_="bar-chart")
    assert len(bars) == 19
    assert bars[0]["aria-label"].startswith("install ")
    widths = [float(it["width"]) for it in shown.all("rect")]
    assert 99 < max(sum(widths[n : n + 3]) for n in range(0, len(widths), 3)) <= 101


def test_deployments_are_of_one_environment_and_leafed_through(filled: World) -> None:
    staging = page(filled, "/apps/shop?environment=staging")
    assert len(staging.all("li", class_="entry")) == 1
    older = page(filled, page(filled).one("a", rel="next")["href"])
    assert 0 < len(older.all("li", class_="entry")) < 20
    assert older.one("a", rel="prev")["href"] == "/apps/b0000014#timeline"


def test_a_secret_is_never_shown(filled: World) -> None:
    shown = page(filled)
    assert "PAYMENT_KEY" in shown.text
    assert "https://api.example.com/v2" in shown.text
    assert "ciphertext" not in shown.html


def test_variables_and_the_policy_are_current_and_what_is_typed_beside_them_stays(filled: World) -> None:
    shown = page(filled)
    assert "app:policy-set" in shown.one("section", data_part="settings")["data-events"].split()
    variables = shown.one("section", data_part="variables")
    assert {"variable:", "secret:"} <= set(variables["data-events"].split())
    part = page(filled, variables["data-live"])
    assert [it.text for it in part.all("code", class_="line")] == [
        *("API_URL", "https://api.example.com/v2", "PAYMENT_KEY"),
        *("API_URL", "https://api.example.com/v2"),
    ]
    assert shown.one("input", id="variable-value")["name"] == "value"
    assert part.all("input", id="variable-value") == []


def test_an_app_that_is_made_shows_its_steps(world: World) -> None:
    with world.records.begin() as tx:
        world.engine.begun = provisioning(tx, world.clock())
    shown = page(world, "/apps/orders")
    steps = [it.text for it in shown.all("li", class_="step")]
    assert steps[0] == "check name 0.3 s"
    assert steps[-1] == "install workflow"
    assert shown.all("title")[0].text == "● provisioning · orders"
    assert "delete" not in shown.actions


@pytest.mark.parametrize("name", ["play", "landing", "careers", "docs"])
def test_apps_in_every_state_have_a_page(filled: World, name: str) -> None:
    assert page(filled, f"/apps/{name}").one("h1").text == name


# -------------------- what is offered to whom


@pytest.mark.parametrize("level", [Level.READ, Level.WRITE, Level.ADMIN])
def test_what_one_may_not_do_is_not_offered(
    filled: World, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    def may(act: Act, _app: object, environment: Environment | None = None) -> bool:
        return level >= needed(act, environment)

    monkeypatch.setattr("app.web.pages.app.may", may)
    filled.web.jinja_env.globals["may"] = may
    by_level = {
        Level.READ: set(),
        Level.WRITE: {"promote", "redeploy", "heal", "variables", "remove"},
        Level.ADMIN: {
            *("promote", "redeploy", "heal", "variables", "remove"),
            *("rollback", "resume", "policy", "delete"),
        },
    }
    shown = page(filled)
    assert shown.actions - {"logout"} == by_level[level]
    if level is Level.WRITE:
        targets = {it["value"] for it in shown.all("input", name="environment") if it["type"] != "hidden"}
        assert targets <= {"staging"}


# -------------------- what is done


def test_production_goes_back_and_stays_there(filled: World) -> None:
    form = next(it for it in page(filled).all("form") if it["action"].endswith("/rollback"))
    assert "stays pinned" in form.text
    to = next(it["value"] for it in page(filled).all("input", name="to"))
    done(act(filled, "rollback", environment="production", to=to), "rolled-back")
    with filled.records.read() as tx:
        alias = tx.aliases.get("b0000014")
    assert alias is not None
    assert (alias.deployment_id, alias.is_pinned, alias.actor) == (to, True, "operator")


def test_a_pinned_environment_is_resumed(filled: World) -> None:
    done(act(filled, "resume", environment="production"), "resumed")
    with filled.records.read() as tx:
        alias = tx.aliases.get("b0000014")
    assert alias is not None
    assert not alias.is_pinned


def test_a_preview_is_promoted(filled: World) -> None:
    with filled.records.read() as tx:
        alias = tx.aliases.get("preview-pr43-b0000014")
    assert alias is not None
    done(act(filled, "promote", deployment=alias.deployment_id, environment="staging"), "promoted")
    assert JobType.PROMOTE in {kind for kind, _ in jobs(filled)}


def test_a_run_is_repeated(filled: World) -> None:
    with filled.records.read() as tx:
        failed = tx.deployments.list("app_000013", limit=1).items[0]
    done(act(filled, "redeploy", app="billing", deployment=failed.id), "redeployed")
    assert jobs(filled) == [(JobType.REDEPLOY, {"deployment": failed.id, "attempt": 1})]


@pytest.mark.parametrize("action", ["promote", "redeploy"])
def test_another_apps_deployment_is_unknown(filled: World, action: str) -> None:
    with filled.records.read() as tx:
        other = tx.deployments.list("app_000013", limit=1).items[0]
    answer = act(filled, action, deployment=other.id, environment="production")
    refused(answer, 404, f"looking for deployment {other.id}: there is none")
    unknown = act(filled, action, deployment="dpl_none", environment="production")
    refused(unknown, 404, "looking for deployment dpl_none: there is none")


def test_drift_is_healed(filled: World) -> None:
    assert "workflow:edited" in page(filled).text
    done(act(filled, "heal", heal="all"), "healing")
    assert jobs(filled) == [(JobType.RECONCILE, {"heal": "all"})]


def test_variables_are_set_and_removed(filled: World) -> None:
    done(act(filled, "variables", environment="preview", name="MODE", value="a\r\nb"), "variable-set")
    done(
        act(filled, "variables", environment="preview", name="KEY", value="s", kind="secret"), "variable-set"
    )
    with filled.records.read() as tx:
        found = {it.name: it for it in tx.variables.of(SHOP, Environment.PREVIEW)}
    assert (found["MODE"].value, found["MODE"].is_secret) == ("a\nb", False)
    assert found["KEY"].is_secret
    assert found["KEY"].value != "s"
    gone = act(filled, "variables/remove", environment="preview", name="KEY", kind="secret")
    done(gone, "variable-removed")


def test_what_was_typed_comes_back_but_a_secret(filled: World) -> None:
    wrong = refused(act(filled, "variables", environment="staging", name="1 BAD", value="kept"), 400, "1 BAD")
    assert wrong.one("input", id="variable-name")["value"] == "1 BAD"
    assert wrong.one("input", id="variable-value")["value"] == "kept"
    hidden = act(filled, "variables", environment="staging", name="1 BAD", value="canary-9", kind="secret")
    assert "canary-9" not in refused(hidden, 400, "1 BAD").html


def test_a_policy_is_set(filled: World) -> None:
    done(act(filled, "policy", heal="all"), "policy-set")
    done(act(filled, "policy", app="blog", heal=""), "policy-set")
    with filled.records.read() as tx:
        assert tx.apps.get("shop").heal is Heal.ALL
        assert tx.apps.get("blog").heal is None
        assert tx.events.page(Selection(app_id=SHOP), limit=1)[0].actor == "operator"


def test_an_app_is_deleted_when_its_name_is_typed(filled: World) -> None:
    refused(act(filled, "delete", confirmation="Shop"), 400, "type its name")
    done(act(filled, "delete", confirmation="shop"), "deleting")
    with filled.records.read() as tx:
        assert tx.apps.get("shop").status is AppStatus.DELETING
    assert jobs(filled) == [(JobType.DELETE, {"keep_repository": True})]
    refused(act(filled, "delete", confirmation="shop"), 409, "deleting")


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("rollback", {"environment": "nowhere"}),
        ("rollback", {}),
        ("resume", {"environment": "staging\0"}),
        ("promote", {"deployment": "x" * 10_000, "environment": "staging"}),
        ("heal", {"heal": "everything"}),
        ("policy", {"heal": "<script>"}),
        ("variables", {"environment": "staging"}),
    ],
)
def test_what_cannot_be_changes_nothing(filled: World, action: str, form: dict[str, str]) -> None:
    before = filled.dump()
    answer = act(filled, action, **form)
    assert answer.status_code in {400, 404, 409}
    assert filled.dump() == before
    assert Page(answer.text).all("script")[0]["src"].startswith("/static/")


def test_an_app_that_is_not_there_has_no_acts(world: World) -> None:
    assert act(world, "rollback", environment="production").status_code == 404


def test_a_page_of_many_previews_takes_few_statements(world: World) -> None:
    from tests.integration.web.test_pages_apps import counted  # noqa: PLC0415 - shared by these two

    with world.records.begin() as tx:
        invented = Filled(tx, world.clock())
        (app,) = invented.apps(["busy"])
        for number in range(1, 31):
            invented.pull(app, number, f"Pull {number}")
            invented.live(app, Environment.PREVIEW, hours=number, pull=number, days_left=3)
    with counted(world) as statements:
        assert len(page(world, "/apps/busy").all("li", class_="preview")) == 30
    assert len(statements) <= 30
