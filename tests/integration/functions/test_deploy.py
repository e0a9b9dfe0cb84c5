"""Workers on a real workerd behind the real dispatch worker, compiled by the real esbuild."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.bootstrap.schema import upgrade_database
from app.bootstrap.shared import Shared
from app.bootstrap.workers import workshop
from app.dispatch.endpoints import DispatchEndpoints
from app.domain.environments import Environment
from app.domain.sources import Source
from app.domain.workers import Options
from app.errors import Unprocessable
from app.pipeline.workers_deploy import create_worker, update_worker
from app.pipeline.workers_putting import Workshop
from app.settings import Settings
from tests.contract.sandbox_cloudflare.driver import (
    ACCOUNT,
    PREVIEW,
    PRODUCTION,
    STAGING,
    TOKEN,
    UNTRUSTED,
    Sandbox,
    eventually,
)
from tests.integration.functions.conftest import ESBUILD
from tests.unit.environ import ENVIRON

HANGS = "while (true); export function hello() {}"


@dataclass
class Shop:
    """A worker, and what puts it up."""

    to: Workshop
    sandbox: Sandbox
    slug: str = ""

    def create(self, code: str) -> None:
        files = [Source("functions.ts", code)]
        made = create_worker("shop", files, Environment.PRODUCTION, Options(), actor="ada", to=self.to)
        self.slug = made.worker.slug

    def put(self, code: str | Sequence[Source], options: Options = Options()) -> list[str]:  # noqa: B008
        """Put a version up and return what can be called of it."""
        files = [Source("functions.ts", code)] if isinstance(code, str) else code
        deployed = update_worker("shop", files, lambda _: options, actor="ada", to=self.to)
        return sorted(deployed.version.functions)

    def answers(self) -> bool:
        """Tell whether it answers with the code that it began with."""
        try:
            return bool(self.call("hello", "Ada")["result"] == "hello Ada")
        except httpx.TransportError:
            return False

    def call(self, function: str, payload: Any = None) -> Any:
        answer = self.sandbox.visit(self.slug, f"/api/invoke/{function}", method="POST", json=payload)
        return answer.json()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("workers"), "--rate-limit=100000")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    environ = ENVIRON | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/branchline.sqlite",
        "BRANCHLINE_BUNDLES": str(tmp_path / "bundles"),
        "BRANCHLINE_ESBUILD": str(ESBUILD),
        "CLOUDFLARE_API_URL": sandbox.api,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "WFP_NAMESPACE_PRODUCTION": PRODUCTION,
        "WFP_NAMESPACE_STAGING": STAGING,
        "WFP_NAMESPACE_PREVIEW": PREVIEW,
        "WFP_NAMESPACE_UNTRUSTED": UNTRUSTED,
        "WFP_DISPATCH_DOMAIN": sandbox.dispatch_url,
        "APPS_DOMAIN": f"http://{sandbox.apps_domain}",
    }
    upgrade_database(environ)
    shared = Shared(Settings.from_environ(environ))
    endpoints = DispatchEndpoints(sandbox.dispatch_url)
    shop = Shop(replace(workshop(shared), endpoints=endpoints), sandbox)
    shop.create("export const hello = (name: string) => `hello ${name}`;")
    yield shop
    endpoints.close()
    shared.scripts._cloudflare.close()
    shared.database.dispose()


def test_what_is_put_up_answers_at_once(shop: Shop) -> None:
    answer = shop.call("hello", "Ada")
    assert (answer["success"], answer["result"], answer["logs"]) == (True, "hello Ada", [])


@pytest.mark.parametrize(
    ("code", "functions"),
    [
        ("export default () => 1; export const x = 2;", ["default"]),
        ("const f = () => 1; export { f as größe, f as 'delete' };", ["delete", "größe"]),
        ("export class Shop {} export function* stream() {} export async function go() {}", ["go", "stream"]),
        ("export let later = () => 1; export const data = { f() {} };", ["later"]),
        ("import { inspect } from 'node:util'; export const show = (x) => inspect(x);", ["show"]),
        ("export const { a, b } = { a: () => 1, b: 2 };", ["a"]),
        ("export function createHandler() {} export function functions() {}", ["createHandler", "functions"]),
    ],
)
def test_the_worker_itself_says_what_can_be_called(shop: Shop, code: str, functions: list[str]) -> None:
    assert shop.put(code) == functions
    for function in functions:
        assert shop.call(function)["function"] == function


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("throw new Error('not today'); export function f() {}", "worker:does-not-start", "not today"),
        (
            "export const f = () => 1; await Promise.reject(new TypeError('late'));",
            "worker:does-not-start",
            "starting shop",
        ),
        ("import 'node:nothing'; export const f = () => 1;", "worker:does-not-start", "node:nothing"),
        ("export const x = 1; export class Shop {}", "worker:no-functions", "exports none"),
        (
            "export default { fetch() { return new Response('mine'); } };",
            "worker:no-functions",
            "exports none",
        ),
        ("const f = () => 1; export { f as 'a/b' };", "worker:invalid-export", "a/b"),
        ("export const f = ;", "worker:compile-failed", "functions.ts:1:18"),
    ],
)
def test_what_is_wrong_with_code_is_said_and_leaves_live_what_was(
    shop: Shop, code: str, error: str, words: str
) -> None:
    with pytest.raises(Unprocessable, match=re.escape(words)) as refused:
        shop.put(code)
    assert refused.value.error_code == error
    assert shop.call("hello", "Ada")["result"] == "hello Ada"


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_code_that_hangs_when_it_is_loaded_is_refused(shop: Shop) -> None:
    with pytest.raises(Unprocessable) as refused:
        shop.put(HANGS)
    assert refused.value.error_code == "worker:does-not-start"
    assert eventually(shop.answers)  # workerd was started again


def test_options_reach_the_runtime(shop: Shop) -> None:
    code = "export const wait = () => new Promise(() => {}); export const f = (x) => x;"
    shop.put(code, Options(("https://a.example",), timeout_ms=50, max_payload_bytes=10))
    assert shop.call("wait")["error"]["name"] == "FunctionTimeout"
    assert shop.call("f", "x" * 20)["error"]["name"] == "PayloadTooLarge"


def test_files_import_one_another_and_json(shop: Shop) -> None:
    index = "export * from './lib/b'; export { default as c } from './lib/c.js';"
    files = [
        Source("index.ts", index),
        Source("lib/b.ts", "import menu from '../menu.json'; export const b = () => menu.tea;"),
        Source("lib/c.js", "export default function () { return 'c'; }"),
        Source("menu.json", '{"tea": 3}'),
    ]
    assert shop.put(files) == ["b", "c"]
    assert (shop.call("b")["result"], shop.call("c")["result"]) == (3, "c")
