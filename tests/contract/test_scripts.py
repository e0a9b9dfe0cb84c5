"""What every place of scripts does alike: the fake that unit tests trust, the adapter against the sandbox."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.errors import RemoteForbidden, RemoteMissing
from app.ports import Scripts
from app.settings import Secret
from tests.accounts import cloudflare_settings
from tests.contract.sandbox_cloudflare.driver import ACCOUNT, TOKEN, Sandbox, answering, script_path
from tests.fakes.scripts import FakeScripts

CODE = answering("hello")
TAGS = ["app-bcdf", "env-production", "commit-" + "0" * 40, "deployment-dpl_1"]
_numbers = count(1)


class World(Protocol):
    """The port, and what a workflow run does beside it."""

    scripts: Scripts

    def upload(self, namespace: str, script: str, tags: list[str]) -> None:
        """Put a script into a namespace, with its tags."""


class FakeWorld:
    """The fake."""

    def __init__(self) -> None:
        self.fake = FakeScripts()
        self.scripts: Scripts = self.fake

    def upload(self, namespace: str, script: str, tags: list[str]) -> None:
        self.fake.upload(namespace, script, tags)


class SandboxWorld:
    """The adapter, speaking to a sandbox Cloudflare."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        settings = cloudflare_settings(sandbox.api, account_id=ACCOUNT, api_token=Secret(TOKEN))
        self.client = Cloudflare(settings, lambda: datetime.now(UTC))
        self.scripts: Scripts = CloudflareScripts(self.client, settings)

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


def test_an_absent_namespace_is_an_error(world: World) -> None:
    for look in (world.scripts.tags, world.scripts.delete):
        with pytest.raises(RemoteMissing):
            look("branchline-nothing", "hello")


def test_the_access_for_runs_is_told(world: World) -> None:
    access = world.scripts.access()
    assert access.api_base_url.endswith("/client/v4")
    assert access.account_id
    assert access.api_token


def test_a_wrong_token_is_forbidden(sandbox: Sandbox) -> None:
    settings = cloudflare_settings(sandbox.api, account_id=ACCOUNT)
    client = Cloudflare(settings, lambda: datetime.now(UTC))
    with pytest.raises(RemoteForbidden):
        CloudflareScripts(client, settings).tags("branchline-test-1", "hello")
    client.close()
