"""What every place of scripts does alike: the fake that unit tests trust, the adapter against the sandbox."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.bundles import Bundle, Module
from app.errors import RemoteForbidden, RemoteMissing
from app.ports import Bundles, Scripts, SeenScript, Upload
from app.settings import Secret
from tests.accounts import cloudflare_settings
from tests.contract.sandbox_cloudflare.driver import ACCOUNT, TOKEN, Sandbox, answering, script_path
from tests.fakes.bundles import FakeBundles
from tests.fakes.scripts import FakeScripts

CODE = answering("hello")
TAGS = ["app-bcdf", "env-production", "commit-" + "0" * 40, "deployment-dpl_1"]
_numbers = count(1)


class World(Protocol):
    """The port, and what a workflow run does beside it."""

    scripts: Scripts
    bundles: Bundles

    def code_of(self, namespace: str, script: str) -> str | None:
        """Return the code of a script."""

    def upload(self, namespace: str, script: str, tags: list[str]) -> None:
        """Put a script into a namespace, with its tags."""


class FakeWorld:
    """The fake."""

    def __init__(self) -> None:
        self.fake = FakeScripts()
        self.scripts: Scripts = self.fake
        self.bundles: Bundles = FakeBundles()

    def code_of(self, namespace: str, script: str) -> str | None:
        upload = self.fake.uploads.get((namespace, script))
        if upload is None:
            return None
        with self.bundles.open(upload.bundle.modules[0].sha256) as code:
            return code.read().decode()

    def upload(self, namespace: str, script: str, tags: list[str]) -> None:
        self.fake.upload(namespace, script, tags)


class SandboxWorld:
    """The adapter, speaking to a sandbox Cloudflare."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        settings = cloudflare_settings(sandbox.api, account_id=ACCOUNT, api_token=Secret(TOKEN))
        self.client = Cloudflare(settings, lambda: datetime.now(UTC))
        self.bundles: Bundles = FakeBundles()
        self.scripts: Scripts = CloudflareScripts(self.client, settings, self.bundles)

    def code_of(self, namespace: str, script: str) -> str | None:
        path = f"{script_path(script, namespace)}/content"
        response = self.sandbox.call("GET", path)
        if response.status_code == 404:
            return None
        return response.text.partition("\r\n\r\n")[2].partition("\r\n--")[0]

    def upload(self, namespace: str, script: str, tags: list[str]) -> None:
        self.sandbox.upload(script, CODE, namespace)
        self.sandbox.result("PUT", f"{script_path(script, namespace)}/tags", json=tags)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("cloudflare"), "--rate-limit=100000")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(params=["fake", "sandbox"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield FakeWorld()
        return
    world = SandboxWorld(request.getfixturevalue("sandbox"))
    yield world
    world.client.close()


@pytest.fixture
def namespace(world: World) -> str:
    """Return a namespace that was just created."""
    name = f"branchline-test-{next(_numbers)}"
    world.scripts.ensure_namespace(name)
    return name


def upload_of(world: World, code: str, tags: list[str]) -> Upload:
    sha256, size_bytes = world.bundles.write([code.encode()])
    module = Module("index.js", "application/javascript+module", sha256, size_bytes)
    bundle = Bundle(main_module="index.js", modules=(module,), compatibility_date="2026-10-01")
    return Upload(bundle, bindings=(), tags=tags, scope="app_1/production")


def test_a_namespace_is_created_once_and_keeps_its_scripts(world: World, namespace: str) -> None:
    world.upload(namespace, "hello", TAGS)
    world.scripts.ensure_namespace(namespace)
    assert world.scripts.tags(namespace, "hello") is not None


def test_a_script_has_the_tags_it_was_given(world: World, namespace: str) -> None:
    world.upload(namespace, "hello", TAGS)
    assert sorted(world.scripts.tags(namespace, "hello") or []) == sorted(TAGS)


def test_a_script_without_tags_is_there(world: World, namespace: str) -> None:
    world.upload(namespace, "hello", [])
    assert world.scripts.tags(namespace, "hello") == []


def test_an_absent_script_has_no_tags(world: World, namespace: str) -> None:
    assert world.scripts.tags(namespace, "hello") is None


def test_a_script_is_deleted_once(world: World, namespace: str) -> None:
    world.upload(namespace, "hello", TAGS)
    world.upload(namespace, "other", TAGS)
    assert world.scripts.delete(namespace, "hello") is True
    assert world.scripts.delete(namespace, "hello") is False
    assert world.scripts.tags(namespace, "hello") is None
    assert world.scripts.tags(namespace, "other") is not None


def test_namespaces_do_not_share_scripts(world: World, namespace: str) -> None:
    world.upload(namespace, "hello", TAGS)
    world.scripts.ensure_namespace(f"{namespace}-other")
    assert world.scripts.tags(f"{namespace}-other", "hello") is None


def test_what_is_put_up_is_there_with_its_tags(world: World, namespace: str) -> None:
    world.scripts.put(namespace, "hello", upload_of(world, CODE, TAGS))
    assert sorted(world.scripts.tags(namespace, "hello") or []) == sorted(TAGS)
    assert world.code_of(namespace, "hello") == CODE


def test_putting_up_may_be_repeated(world: World, namespace: str) -> None:
    upload = upload_of(world, CODE, TAGS)
    world.scripts.put(namespace, "hello", upload)
    world.scripts.put(namespace, "hello", upload)
    assert world.code_of(namespace, "hello") == CODE


def test_what_is_put_up_replaces_code_and_tags(world: World, namespace: str) -> None:
    world.scripts.put(namespace, "hello", upload_of(world, CODE, TAGS))
    world.scripts.put(namespace, "hello", upload_of(world, answering("other"), ["app-bcdf"]))
    assert world.scripts.tags(namespace, "hello") == ["app-bcdf"]
    assert world.code_of(namespace, "hello") == answering("other")


def test_scripts_are_deleted_by_their_tag(world: World, namespace: str) -> None:
    for script, tags in {"one": ["pull-1", "a"], "two": ["b", "pull-1"], "three": ["pull-11"]}.items():
        world.scripts.put(namespace, script, upload_of(world, CODE, tags))
    world.upload(namespace, "foreign", [])
    world.scripts.delete_tagged(namespace, "pull-1")
    world.scripts.delete_tagged(namespace, "pull-1")
    gone = {script: world.scripts.tags(namespace, script) for script in ("one", "two", "three", "foreign")}
    assert gone == {"one": None, "two": None, "three": ["pull-11"], "foreign": []}
    assert world.code_of(namespace, "one") is None


def all_of(world: World, namespace: str, tag: str | None = None) -> dict[str, SeenScript]:
    """Return every script of a namespace, read page by page."""
    found, cursor = dict[str, SeenScript](), None
    for _ in range(10):
        page = world.scripts.listing(namespace, cursor, tag=tag)
        found |= {script.name: script for script in page.scripts}
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


def test_a_list_says_of_each_script_what_putting_it_up_said(world: World, namespace: str) -> None:
    etags = {
        script: world.scripts.put(namespace, script, upload_of(world, CODE, TAGS))
        for script in ("hello", "other")
    }
    listed = all_of(world, namespace)
    assert {name: script.etag for name, script in listed.items()} == etags
    assert None not in etags.values()
    assert sorted(listed["hello"].tags or []) == sorted(TAGS)


def test_a_script_that_somebody_else_changed_has_another_etag(world: World, namespace: str) -> None:
    before = world.scripts.put(namespace, "hello", upload_of(world, CODE, TAGS))
    world.upload(namespace, "hello", TAGS)
    assert all_of(world, namespace)["hello"].etag not in {None, before}


def test_a_list_can_be_of_one_tag(world: World, namespace: str) -> None:
    world.scripts.put(namespace, "hello", upload_of(world, CODE, TAGS))
    world.scripts.put(namespace, "other", upload_of(world, CODE, ["app-else"]))
    assert set(all_of(world, namespace, tag=TAGS[0])) == {"hello"}
    assert all_of(world, namespace, tag="app-nobody") == {}


def test_an_empty_namespace_has_an_empty_list(world: World, namespace: str) -> None:
    assert all_of(world, namespace) == {}


def test_an_absent_namespace_is_an_error(world: World) -> None:
    with pytest.raises(RemoteMissing):
        world.scripts.listing("branchline-nothing")
    for look in (world.scripts.tags, world.scripts.delete, world.scripts.delete_tagged):
        with pytest.raises(RemoteMissing):
            look("branchline-nothing", "hello")
    with pytest.raises(RemoteMissing):
        world.scripts.put("branchline-nothing", "hello", upload_of(world, CODE, TAGS))


def test_the_access_for_runs_is_told(world: World) -> None:
    access = world.scripts.access()
    assert access.api_base_url.endswith("/client/v4")
    assert access.account_id
    assert access.api_token


def test_a_wrong_token_is_forbidden(sandbox: Sandbox) -> None:
    settings = cloudflare_settings(sandbox.api, account_id=ACCOUNT)
    client = Cloudflare(settings, lambda: datetime.now(UTC))
    with pytest.raises(RemoteForbidden):
        CloudflareScripts(client, settings, FakeBundles()).tags("branchline-test-1", "hello")
    client.close()
