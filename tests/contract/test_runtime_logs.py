"""What every keeper of scripts' words does alike: the fake, and the adapter against the sandbox."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.telemetry import CloudflareRuntimeLogs
from app.ports.runtime_logs import RuntimeLine, RuntimeLogs
from app.settings import Secret
from tests.accounts import cloudflare_settings
from tests.contract.sandbox_cloudflare.driver import ACCOUNT, TOKEN, Sandbox, eventually
from tests.fakes.runtime_logs import FakeRuntimeLogs

SAYING = """
export default {
  fetch(request) {
    const said = new URL(request.url).searchParams.get("say");
    console.warn(said);
    if (said === "throw") throw new Error("lost");
    return new Response(said);
  }
};
"""


class World(Protocol):
    logs: RuntimeLogs

    def say(self, script: str, text: str) -> None:
        """Have a script say something."""


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeRuntimeLogs()
        self.logs: RuntimeLogs = self.fake

    def say(self, script: str, text: str) -> None:
        self._add(script, "warn", text)
        if text == "throw":
            self._add(script, "error", "Error: lost")

    def _add(self, script: str, level: str, text: str) -> None:
        number = f"{len(self.fake.lines):09}"
        line = RuntimeLine(number, datetime.now(UTC), script, level, text, "GET https://apps.test/")
        self.fake.lines.append(line)


class SandboxWorld:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        settings = cloudflare_settings(sandbox.api, account_id=ACCOUNT, api_token=Secret(TOKEN))
        self.client = Cloudflare(settings, lambda: datetime.now(UTC))
        self.logs: RuntimeLogs = CloudflareRuntimeLogs(self.client)
        self._known: set[str] = set()

    def say(self, script: str, text: str) -> None:
        if script not in self._known:
            self._known.add(script)
            self._sandbox.upload(script, SAYING)
        self._sandbox.visit(script, f"/?say={text}")


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


def said(world: World, *scripts: str, most: int = 100, number: int = 1) -> list[RuntimeLine]:
    """Return what scripts said, once there are so many lines."""
    now = datetime.now(UTC)
    since, until = now - timedelta(minutes=5), now + timedelta(minutes=5)

    def look() -> list[RuntimeLine]:
        found = list(world.logs.newest(scripts, since=since, until=until, limit=most))
        return found if len(found) >= number else []

    return eventually(look)


def test_lines_come_oldest_first_with_what_was_asked(world: World) -> None:
    world.say("first", "one")
    said(world, "first")
    world.say("first", "two")
    lines = said(world, "first", number=2)
    assert [(it.message, it.level, it.script) for it in lines] == [
        ("one", "warn", "first"),
        ("two", "warn", "first"),
    ]
    assert all((it.request or "").startswith("GET http") for it in lines)
    assert len({it.id for it in lines}) == 2


def test_what_nobody_caught_is_an_error(world: World) -> None:
    world.say("thrower", "throw")
    lines = said(world, "thrower", number=2)
    assert any(it.level == "error" and it.message.startswith("Error: lost") for it in lines)


def test_several_scripts_are_told_together_and_others_not(world: World) -> None:
    for script in ("here", "there", "elsewhere"):
        world.say(script, script)
        said(world, script)
    lines = said(world, "here", "there", number=2)
    assert sorted(it.message for it in lines) == ["here", "there"]
    assert len(said(world, "here", "there", most=1)) == 1


def test_nothing_is_said_before_anybody_spoke(world: World) -> None:
    now = datetime.now(UTC)
    assert not world.logs.newest(["silent"], since=now - timedelta(hours=1), until=now, limit=10)
    world.say("talker", "one")
    said(world, "talker")
    long_ago = now - timedelta(days=1)
    assert not world.logs.newest(["talker"], since=long_ago, until=long_ago + timedelta(hours=1), limit=10)
