"""Variables and secrets in a script that runs: real workerd answers with what its code finds in `env`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.aliases import Alias
from app.domain.bundles import Bundle, Module
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.pipeline.putting import Putter
from app.pipeline.release import release
from app.pipeline.variables import Change, Editor, remove, set_secrets, set_variables
from app.settings import Secret
from app.vault import FernetVault
from tests.accounts import cloudflare_settings
from tests.builders import NOON, a_deployment, an_app
from tests.contract.sandbox_cloudflare.driver import ACCOUNT, PRODUCTION, TOKEN, Sandbox, script_path
from tests.fakes.bundles import FakeBundles
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import FakeSteps
from tests.integration.web.world import PLATFORM, VAULT_KEY

CODE = b"export default { fetch: (request, env) => Response.json(env) };\n"
CANARY = "canary-of-a-secret-2c6b"
APP, SHOWN = an_app(), Environment.PRODUCTION


def enqueue_nothing(_session: object, _job: Job) -> None:
    """The test runs what was asked for by itself."""


class Shop:
    """An app whose production shows a deployment at Cloudflare."""

    def __init__(self, sandbox: Sandbox, database_url: str) -> None:
        self.sandbox = sandbox
        self.clock = FakeClock()
        self.engine = create_engine(database_url)
        self.records = SqlRecords(self.engine, enqueue_nothing, self.clock)
        self.vault = FernetVault([VAULT_KEY])
        self.platform = replace(PLATFORM, namespaces={it: f"test-{it}" for it in Environment})
        bundles = FakeBundles()
        settings = cloudflare_settings(sandbox.api, account_id=ACCOUNT, api_token=Secret(TOKEN))
        self.client = Cloudflare(settings, self.clock)
        scripts = CloudflareScripts(self.client, settings, bundles)
        self.putter = Putter(self.records, scripts, bundles, self.vault, self.platform, self.clock)
        module = Module("index.js", "application/javascript+module", bundles.keep(CODE), len(CODE))
        own = [{"type": "json", "name": "COLOUR", "json": {"from": "the author"}}]
        self._show(bundles.save(Bundle("index.js", [module], "2026-10-01", bindings=own)))

    def _show(self, bundle: str) -> None:
        deployment = a_deployment(
            1, status=Status.READY, bundle=bundle, uploaded_at=NOON, namespace=PRODUCTION
        )
        alias = Alias(APP.id, APP.slug, SHOWN, PRODUCTION, NOON, deployment_id=deployment.id)
        with self.records.begin() as tx:
            tx.apps.add(APP)
            tx.deployments.add(deployment)
            tx.aliases.save(alias)

    @property
    def editor(self) -> Editor:
        return Editor("ada", self.clock(), self.vault, self.platform)

    def apply(self, change: Change) -> dict[str, object]:
        """Run what a change asked for and return what the code finds in `env`."""
        (job,) = change.jobs
        release(job, FakeSteps(), self.putter)
        found: dict[str, object] = self.sandbox.visit(APP.slug).json()
        return found

    def close(self) -> None:
        self.client.close()
        self.engine.dispose()


@pytest.fixture
def shop(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Shop]:
    sandbox = Sandbox(tmp_path / "cloudflare", "--rate-limit=100000")
    sandbox.start()
    shop = Shop(sandbox, migrated_sqlite_url)
    yield shop
    shop.close()
    assert sandbox.stop() == 0


def test_what_is_live_finds_what_was_set_and_not_what_was_removed(shop: Shop) -> None:
    ours = {
        "BRANCHLINE_COMMIT": f"{1:040x}",
        "BRANCHLINE_ENVIRONMENT": "production",
        "BRANCHLINE_DEPLOYMENT": "dpl_0001_1",
    }
    long = "é" * 2560
    with shop.records.begin() as tx:
        change = set_secrets(tx, APP.id, SHOWN, {"TOKEN": CANARY, "LONG": long}, shop.editor)
    assert shop.apply(change) == {"COLOUR": {"from": "the author"}, "TOKEN": CANARY, "LONG": long, **ours}
    with shop.records.begin() as tx:
        change = set_variables(tx, APP.id, SHOWN, {"COLOUR": "red", "EMPTY": ""}, shop.editor)
    assert shop.apply(change)["COLOUR"] == "red"
    for name in ("TOKEN", "LONG"):
        with shop.records.begin() as tx:
            change = remove(tx, APP.id, SHOWN, name, shop.editor, is_secret=True)
        found = shop.apply(change)
    assert found == {"COLOUR": "red", "EMPTY": "", **ours}


def test_cloudflare_keeps_it_as_a_secret(shop: Shop) -> None:
    with shop.records.begin() as tx:
        change = set_secrets(tx, APP.id, SHOWN, {"TOKEN": CANARY}, shop.editor)
    assert shop.apply(change)["TOKEN"] == CANARY
    settings = shop.sandbox.result("GET", f"{script_path(APP.slug)}/settings")
    assert {"name": "TOKEN", "type": "secret_text"} in settings["bindings"]
    assert CANARY not in json.dumps(settings)
