"""Workers become apps with the same functions, options and key."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.environments import Environment
from app.domain.jobs import JobType
from app.domain.platform import DeployAuth
from app.domain.sources import Source
from app.domain.workers import INVOKE_KEY, Options
from app.errors import Conflict, InvalidInput, NotFound
from app.pipeline.workers_app import AppWish, app_files, request_worker_app, worker_of_version
from app.pipeline.workers_deploy import create_worker
from tests.unit.pipeline.workshop import HELLO, FakeWorkshop


@pytest.fixture
def shop() -> FakeWorkshop:
    return FakeWorkshop()


def make(shop: FakeWorkshop, wish: AppWish = AppWish(), **changes: Any) -> dict[str, str]:  # noqa: B008
    """Ask for an app of the worker and return the files that it will have."""
    with shop.records.read() as tx:
        worker, version = worker_of_version(tx, "shop")
    files = app_files(version, shop.bundles)
    to = replace(shop.to, **changes)
    with shop.records.begin() as tx:
        _, job = request_worker_app(tx, worker, files, wish, entropy=to.entropy, actor="ada", to=to)
    assert job.type is JobType.PROVISION
    return {it["path"]: base64.b64decode(it["content"]).decode() for it in job.arguments["files"]}


def deploy(shop: FakeWorkshop, files: dict[str, str], options: Options = Options()) -> None:  # noqa: B008
    sources = [Source(path, content) for path, content in files.items()]
    create_worker("shop", sources, Environment.PRODUCTION, options, actor="ada", to=shop.to)


def test_a_worker_becomes_an_app_of_its_name_with_its_files_as_functions(shop: FakeWorkshop) -> None:
    deploy(shop, {"a.ts": HELLO, "lib/b.ts": "// größe"}, Options(("*",), timeout_ms=5))
    files = make(shop)
    assert files["functions/a.ts"] == HELLO
    assert files["functions/lib/b.ts"] == "// größe"
    assert json.loads(files["functions/options.json"]) == {
        "timeoutMs": 5,
        "maxPayloadBytes": 1024 * 1024,
        "corsOrigins": ["*"],
    }
    assert len(files) == 3
    with shop.records.read() as tx:
        app, worker = tx.apps.get("shop"), tx.workers.get("shop")
    assert app.slug != worker.slug
    assert shop.up


def test_a_worker_of_code_alone_becomes_one_file(shop: FakeWorkshop) -> None:
    shop.create()
    assert set(make(shop)) == {"functions/index.ts", "functions/options.json"}


def test_a_default_that_could_be_called_can_be_called_still(shop: FakeWorkshop) -> None:
    deploy(shop, {"main.ts": "export function default () {}"})
    files = make(shop)
    assert files["functions/index.ts"] == 'export * from "./main.ts";\nexport { default } from "./main.ts";\n'


def test_an_index_stays_the_index(shop: FakeWorkshop) -> None:
    deploy(shop, {"index.ts": "export function default () {}", "b.ts": ""})
    assert make(shop)["functions/index.ts"] == "export function default () {}"


def test_callers_bear_the_same_key(shop: FakeWorkshop) -> None:
    key = shop.create(options=Options(has_invoke_key=True)).key
    assert json.loads(make(shop)["functions/options.json"])["invokeKey"] == INVOKE_KEY
    with shop.records.read() as tx:
        app = tx.apps.get("shop")
        kept = [variable for it in Environment for variable in tx.variables.of(app.id, it)]
    assert [shop.vault.open(it.place, it.value) for it in kept] == [key] * 3


def test_a_key_needs_the_gateway(shop: FakeWorkshop) -> None:
    shop.create(options=Options(has_invoke_key=True))
    without = replace(shop.to.platform, deploy_auth=DeployAuth.TOKEN)
    with pytest.raises(Conflict) as refused:
        make(shop, platform=without)
    assert refused.value.error_code == "variable:needs-gateway"
    with shop.records.read() as tx, pytest.raises(NotFound):
        tx.apps.get("shop")


def test_an_expired_worker_becomes_an_app_too(shop: FakeWorkshop) -> None:
    shop.create()
    shop.let_pass(8 * 86400)
    assert make(shop, AppWish("other", is_private=True))
    with shop.records.read() as tx:
        assert tx.apps.get("other").is_private


@pytest.mark.parametrize("name", ["", "Shop", "a/b"])
def test_an_app_has_a_name_of_an_app(shop: FakeWorkshop, name: str) -> None:
    shop.create()
    wish = AppWish(name) if name else AppWish("-")
    with pytest.raises(InvalidInput):
        make(shop, wish)


def test_what_never_went_up_is_no_app(shop: FakeWorkshop) -> None:
    created = shop.create()
    with shop.records.begin() as tx:
        tx.workers.save(replace(created.worker, version_id=None))
    with pytest.raises(Conflict) as refused:
        make(shop)
    assert refused.value.error_code == "worker:no-version"
