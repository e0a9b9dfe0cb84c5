"""What a webhook sent, and having it sent again: the fake, and the adapter speaking to a sandbox."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from app.domain.redelivery import Attempt
from app.errors import Broken, RemoteMissing
from app.github.client import GitHub
from app.github.hook_deliveries import GitHubHookDeliveries, redelivery_window
from app.ports import APP_HOOK, Hook, HookDeliveries
from app.settings import Secret
from sandbox.github.server import Server
from sandbox.github.settings import Settings
from tests.accounts import github_settings
from tests.contract.sandbox_github.driver import Receiver, World, eventually
from tests.fakes.redelivery import FakeHookDeliveries


class Sender(Protocol):
    """A host whose webhooks send, to a receiver that answers as it is told."""

    deliveries: HookDeliveries
    hook: Hook
    answers: list[int]

    def send(self, number: int) -> None:
        """Send so many deliveries, one behind the other, and wait until each was answered."""

    def received(self) -> int:
        """Return how many came."""


class FakeSender:
    """The fake, through a webhook of a repository or the App's own."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.answers: list[int] = []
        self._received = 0
        self._guids = 0
        host = FakeHookDeliveries(self._receive, lambda: datetime.now(UTC))
        host.lists[hook] = []
        self._host = host
        self.deliveries: HookDeliveries = host

    def send(self, number: int) -> None:
        for _ in range(number):
            self._guids += 1
            self._host.send(self.hook, f"guid-{self._guids}")

    def received(self) -> int:
        return self._received

    def _receive(self, _attempt: Attempt, _headers: Mapping[str, str], _body: bytes) -> int:
        self._received += 1
        return self.answers.pop(0) if self.answers else 200


class SandboxSender:
    """The adapter: with a token for a repository's webhook, with the App's key for the App's own."""

    def __init__(self, world: World, receiver: Receiver, *, is_app: bool) -> None:
        self.answers = receiver.answers
        self._world, self._receiver = world, receiver
        self._full_name = world.repository()
        self._number = world.pull(self._full_name)["number"]
        api_url = f"{world.url}/api/v3"
        if is_app:
            kept = json.loads((world.server.site.settings.directory / "app.json").read_text())
            key = {"app_id": str(kept["id"]), "private_key": Secret(kept["privateKey"]), "token": None}
            settings = github_settings(api_url, **key)
            config = {"url": receiver.url, "content_type": "json", "secret": "s" * 20}
            self.hook = APP_HOOK
            self._github = GitHub(settings, lambda: datetime.now(UTC))
            world.server.site.database.execute(
                "UPDATE hooks SET active = 1, url = ?, content_type = 'json' WHERE app_id IS NOT NULL",
                config["url"],
            )
        else:
            settings = github_settings(api_url, token=Secret(world.tokens["branchline-bot"]))
            self.hook = Hook(self._full_name, world.hook(self._full_name, receiver, ("issue_comment",)))
            self._github = GitHub(settings, lambda: datetime.now(UTC))
        self.deliveries: HookDeliveries = GitHubHookDeliveries(self._github)
        self._settle()
        receiver.deliveries.clear()
        world.server.site.database.execute("DELETE FROM deliveries")

    def send(self, number: int) -> None:
        comments = f"/repos/{self._full_name}/issues/{self._number}/comments"
        for _ in range(number):
            self._world.bot("POST", comments, 201, {"body": "Hello"})
        self._settle()

    def received(self) -> int:
        self._settle()
        return len(self._receiver.deliveries)

    def close(self) -> None:
        self._world.server.site.database.execute("UPDATE hooks SET active = 0")

    def _settle(self) -> None:
        waiting = "SELECT count(*) FROM deliveries WHERE state = 'waiting'"
        eventually(lambda: self._world.server.site.database.count(waiting) == 0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    template = tmp_path_factory.mktemp("template")
    (template / "README.md").write_text("# Template\n")
    settings = Settings(
        directory=tmp_path_factory.mktemp("github"),
        template_from=template,
        rate_limit=100_000,
        webhook_timeout_seconds=1.0,
        with_actions=False,
    )
    server = Server(settings)
    server.start()
    running = World(server)
    yield running
    running.close()


@pytest.fixture(params=["fake repository", "fake App", "sandbox repository", "sandbox App"])
def sender(request: pytest.FixtureRequest) -> Iterator[Sender]:
    is_app = request.param.endswith("App")
    if request.param.startswith("fake"):
        yield FakeSender(APP_HOOK if is_app else Hook("acme/shop", 7))
        return
    receiver = Receiver()
    receiver.start()
    found = SandboxSender(request.getfixturevalue("world"), receiver, is_app=is_app)
    yield found
    found.close()
    receiver.close()


def test_sendings_are_listed_newest_first_with_their_answers(sender: Sender) -> None:
    sender.answers += [200, 503]
    sender.send(2)
    newest, oldest = sender.deliveries.sent(sender.hook).attempts
    assert (newest.status_code, oldest.status_code) == (503, 200)
    assert newest.id > oldest.id
    assert newest.guid != oldest.guid
    assert not newest.is_redelivery
    assert datetime.now(UTC) - newest.delivered_at < timedelta(minutes=1)


def test_a_delivery_is_sent_again_under_its_guid(sender: Sender) -> None:
    sender.answers += [503]
    sender.send(1)
    (failed,) = sender.deliveries.sent(sender.hook).attempts
    sender.deliveries.again(sender.hook, failed.id)
    assert sender.received() == 2
    again, first = sender.deliveries.sent(sender.hook).attempts
    assert first == failed
    assert (again.guid, again.is_redelivery, again.status_code) == (failed.guid, True, 200)


def test_what_was_sent_can_be_read(sender: Sender) -> None:
    sender.send(1)
    (sent,) = sender.deliveries.sent(sender.hook).attempts
    headers, body = sender.deliveries.fetch(sender.hook, sent.id)
    assert headers["X-GitHub-Delivery"] == sent.guid
    assert headers["X-GitHub-Event"] == sent.event
    assert not any("Signature" in name for name in headers)
    assert isinstance(json.loads(body), dict)


def test_pages_follow_one_another_to_the_end(sender: Sender) -> None:
    sender.send(104)
    found, cursor = list[Attempt](), None
    for _ in range(104):
        page = sender.deliveries.sent(sender.hook, cursor)
        found += page.attempts
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len({attempt.guid for attempt in found}) == 104
    assert [attempt.id for attempt in found] == sorted((it.id for it in found), reverse=True)


def test_what_is_not_there_is_missing(sender: Sender) -> None:
    with pytest.raises(RemoteMissing):
        sender.deliveries.again(sender.hook, 999_999)
    with pytest.raises(RemoteMissing):
        sender.deliveries.fetch(sender.hook, 999_999)
    with pytest.raises(RemoteMissing):
        sender.deliveries.sent(Hook("acme/nothing", 1))


def test_a_token_is_no_app() -> None:
    with pytest.raises(Broken):
        GitHubHookDeliveries(GitHub(github_settings(), lambda: datetime.now(UTC))).sent(APP_HOOK)


@pytest.mark.parametrize(
    ("api_url", "days"),
    [
        ("https://api.github.com", 3),
        ("https://api.acme.ghe.com", 3),
        ("https://github.acme.example/api/v3", 7),
        ("http://127.0.0.1:8080/api/v3", 7),
    ],
)
def test_a_delivery_is_sent_again_for_as_long_as_its_host_keeps_it(api_url: str, days: int) -> None:
    assert redelivery_window(api_url) == timedelta(days=days)
