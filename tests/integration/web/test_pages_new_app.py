"""A new app: what it can begin with, and what comes back of what was typed."""

import base64
import io
from typing import Any

import pytest

from app.domain.jobs import JobType
from tests.integration.web.reading import Page
from tests.integration.web.world import AUTHORIZED, World

GIVEN = {
    "name": "shop",
    "beginning": "template",
    "path": "index.html",
    "page": "<h1>",
    "function": "export {}",
}


def begin(world: World, **form: Any) -> Page | dict[str, str]:
    """Return the page with its refusal, or the files by path that the app's job was given."""
    answer = world.call("POST", "/apps/new", data={**GIVEN, **form})
    if answer.status_code != 303:
        return Page(answer.text)
    name = answer.headers["Location"].removeprefix("/apps/").partition("?")[0]
    with world.records.read() as tx:
        app = tx.apps.get(name)
        (listed,) = [it for it in tx.jobs.unfinished() if it.app_id == app.id]
        job = tx.jobs.get(listed.id)
    assert job.type is JobType.PROVISION
    files = {it["path"]: base64.b64decode(it["content"]).decode() for it in job.arguments["files"]}
    imported = {"from": job.arguments["import_from"]} if "import_from" in job.arguments else {}
    return {**files, **imported}


def test_an_app_begins_as_the_template(world: World) -> None:
    assert begin(world) == {}


def test_an_app_begins_with_files(world: World) -> None:
    uploads = [(io.BytesIO(b"body {}"), "site.css"), (io.BytesIO(b""), "")]
    found = begin(world, beginning="files", page="<h1>\r\n", uploads=uploads)
    assert found == {"index.html": "<h1>\n", "site.css": "body {}"}


def test_an_app_begins_with_functions(world: World) -> None:
    assert begin(world, beginning="functions") == {"functions/index.ts": "export {}"}


def test_an_app_begins_with_a_repository_and_gets_its_name(world: World) -> None:
    found = begin(world, name="", beginning="import", address="https://github.com/acme/Old.Shop.git")
    assert found == {"from": "https://github.com/acme/Old.Shop.git"}
    with world.records.read() as tx:
        assert tx.apps.get("old-shop").name == "old-shop"


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"name": ""}, "naming app"),
        ({"name": "Not A Name"}, "Not A Name"),
        ({"name": '"><script>alert(1)</script>'}, "script"),
        ({"name": "x" * 10_000}, "naming app"),
        ({"beginning": "import", "address": "javascript:alert(1)"}, "javascript:alert(1)"),
        ({"beginning": "import", "address": ""}, "import"),
        ({"beginning": "files", "path": "../up"}, "../up"),
        ({"beginning": "files", "path": ".github/workflows/deploy.yml"}, ".github"),
    ],
)
def test_what_cannot_be_comes_back_as_it_was_typed(world: World, form: dict[str, str], why: str) -> None:
    shown = begin(world, **form)
    assert isinstance(shown, Page)
    assert why in shown.one("p", class_="notice-bad").text
    typed = {**GIVEN, "address": "", **form}
    assert shown.one("input", id="name")["value"] == typed["name"]
    assert shown.one("input", id="path")["value"] == typed["path"]
    assert shown.one("input", id="address")["value"] == typed["address"]
    (chosen,) = [it for it in shown.all("input", name="beginning") if "checked" in it.attributes]
    assert chosen["value"] == typed["beginning"]
    assert len(shown.all("script")) == 1


def test_a_name_that_is_taken_is_refused(world: World) -> None:
    world.app(1, name="shop")
    answer = world.call("POST", "/apps/new", data=GIVEN)
    assert answer.status_code == 409
    assert "name already taken" in Page(answer.text).text


def test_what_is_too_large_is_refused(world: World) -> None:
    answer = world.call("POST", "/apps/new", data={**GIVEN, "beginning": "files", "page": "x" * 1_100_000})
    assert answer.status_code in {400, 413}
    assert answer.mimetype == "text/html"


def test_the_form_is_there(world: World) -> None:
    shown = Page(world.call("GET", "/apps/new", headers=AUTHORIZED).text)
    assert shown.one("form", class_="new-app")["enctype"] == "multipart/form-data"
    assert len(shown.all("input", name="beginning")) == 4
