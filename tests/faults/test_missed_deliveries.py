"""W5: a receiver that was away for an hour has every delivery of that hour in the end, and each of them once.

The sandbox's GitHub sends as GitHub does: once, and never again by itself. Its times are moved back, so that
the hour, and three days, are over at once.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from app.domain.redelivery import MissedState
from app.github.client import GitHub
from app.github.hook_deliveries import GitHubHookDeliveries
from app.github.sights import GitHubSights
from app.pipeline.redeliver import FETCHED_HEADER, Outcome, Redeliverer, sweep
from app.settings import Secret
from sandbox.github.clock import stamp
from sandbox.github.server import Server
from sandbox.github.settings import Settings
from sandbox.ports import free_port
from tests.accounts import github_settings
from tests.builders import a_repository, an_app
from tests.contract.sandbox_github.driver import World as GitHubWorld
from tests.contract.sandbox_github.driver import eventually
from tests.faults.figures import Figures, Form
from tests.integration.web.world import WEBHOOK_SECRET
from tests.integration.web.world import World as ControlPlane

HOUR = timedelta(hours=1)
OLD = 5
_COUNTED = ("pages", "missed", "asked", "recovered", "fetched", "expired", "lost")


@dataclass
class Clock:
    """Now, and how much later than that."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Story:
    """A GitHub whose webhooks lead to a control plane that is down until `come_up`."""

    github: GitHubWorld
    plane: ControlPlane
    clock: Clock = field(default_factory=Clock)
    passes: int = 0

    def __post_init__(self) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/webhooks/github"
        self._server: Any = None

    def come_up(self) -> None:
        self._server = make_server("127.0.0.1", self._port, self.plane.web, threaded=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def redeliverer(self, *, is_app: bool) -> Redeliverer:
        kept = json.loads((self.github.server.site.settings.directory / "app.json").read_text())
        as_app = {"app_id": str(kept["id"]), "private_key": Secret(kept["privateKey"]), "token": None}
        as_bot = {"token": Secret(self.github.tokens["branchline-bot"])}
        settings = github_settings(f"{self.github.url}/api/v3", **(as_app if is_app else as_bot))
        github = GitHub(settings, self.clock)
        return Redeliverer(
            records=self.plane.records,
            host=GitHubHookDeliveries(github),
            sights=GitHubSights(github),
            clock=self.clock,
            webhook_url=self.url,
            has_own_hook=is_app,
        )

    def hear_of_everything(self, secret: str | None = WEBHOOK_SECRET) -> None:
        """Switch the App's webhook on."""
        hook = (
            "UPDATE hooks SET active = 1, url = ?, secret = ?, content_type = 'json' WHERE app_id IS NOT NULL"
        )
        self.github.server.site.database.execute(hook, self.url, secret)

    def happen(self, number: int) -> list[str]:
        """Have so many comments written; return the guids of what was sent because of them."""
        full_name = self.github.repository()
        pull = self.github.pull(full_name)["number"]
        self.settle()
        before = set(self.sent())
        for _ in range(number):
            path = f"/repos/{full_name}/issues/{pull}/comments"
            self.github.bot("POST", path, 201, {"body": "Hello"})
        self.settle()
        return [guid for guid in self.sent() if guid not in before]

    def sent(self) -> list[str]:
        rows = self.github.server.site.database.all("SELECT guid FROM deliveries ORDER BY id")
        return list(dict.fromkeys(row["guid"] for row in rows))

    def happened(self, guids: list[str], since: timedelta, until: timedelta = timedelta()) -> None:
        """Move back what was sent, evenly between two times before now."""
        database, now = self.github.server.site.database, datetime.now(UTC)
        for index, guid in enumerate(guids):
            at = stamp(now - since + (since - until) * (index / len(guids)))
            database.execute("UPDATE deliveries SET delivered_at = ? WHERE guid = ?", at, guid)

    def settle(self) -> None:
        """Wait until everything is sent."""
        waiting = "SELECT count(*) FROM deliveries WHERE state = 'waiting'"
        eventually(lambda: self.github.server.site.database.count(waiting) == 0, timeout=60)

    def sweep_until_quiet(self, to: Redeliverer) -> Outcome:
        """Let a minute pass between sweeps until nothing is open, and return all of them together."""
        total = Outcome()
        for _ in range(200):
            found = sweep(to)
            assert found is not None
            self.passes += 1
            for name in _COUNTED:
                setattr(total, name, getattr(total, name) + getattr(found, name))
            self.settle()
            self.clock.ahead += timedelta(seconds=61)
            if found == Outcome(pages=found.pages) and not self._is_open():
                return total
        raise AssertionError(f"it goes on and on: {total}")

    def _is_open(self) -> bool:
        with self.plane.records.read() as tx:
            return bool(tx.missed.due(self.clock() + 24 * HOUR, limit=1))

    def received(self) -> Counter[str]:
        return Counter(delivery.guid for delivery in self.plane.deliveries())


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubWorld]:
    (tmp_path / "template").mkdir()
    (tmp_path / "template/README.md").write_text("# Template\n")
    settings = Settings(
        directory=tmp_path / "github",
        template_from=tmp_path / "template",
        rate_limit=100_000,
        webhook_timeout_seconds=5.0,
        with_actions=False,
    )
    server = Server(settings)
    server.start()
    world = GitHubWorld(server)
    yield world
    world.close()


@pytest.fixture
def story(github: GitHubWorld, migrated_sqlite_url: str) -> Iterator[Story]:
    plane = ControlPlane(migrated_sqlite_url)
    story = Story(github, plane)
    yield story
    story.close()
    plane.close()


def test_an_hour_of_deliveries_comes_back(
    github: GitHubWorld, migrated_url: str, form: Form, figures: Figures
) -> None:
    plane = ControlPlane(migrated_url)
    story = Story(github, plane)
    story.hear_of_everything()
    old, missed = story.happen(OLD), story.happen(form.pick(short=60, full=1000))
    story.happened(story.sent(), 4 * 24 * HOUR, 3 * 24 * HOUR + HOUR)
    story.happened(missed, HOUR)
    story.come_up()
    found = story.sweep_until_quiet(story.redeliverer(is_app=True))
    received = story.received()
    kept = sum(received[guid] for guid in missed)
    database = "SQLite" if migrated_url.startswith("sqlite") else "PostgreSQL"
    calls = found.pages + found.asked + found.fetched
    shown = (
        f"{kept} of {len(missed)} in {story.passes} passes and {calls} calls ({found.pages} of them looks)"
    )
    figures.tell("W5", f"recovered, one webhook for all ({database})", shown)
    figures.tell("W5", f"older than three days, left ({database})", found.expired)
    story.close()
    plane.close()
    assert received == Counter(missed)
    assert (found.missed, found.recovered, found.lost) == (len(missed), len(missed), 0)
    assert found.expired >= len(old)


@pytest.mark.slow
def test_so_does_it_where_each_repository_has_a_webhook(story: Story, form: Form, figures: Figures) -> None:
    missed = list[str]()
    apps = form.pick(short=6, full=40)
    for number in range(1, apps + 1):
        repository = story.github.repository()
        described = story.github.bot("GET", f"/repos/{repository}", 200)
        known = a_repository(described["id"], full_name=repository)
        with story.plane.records.begin() as tx:
            tx.apps.add(an_app(number, repository=known))
        config = {"url": story.url, "content_type": "json", "secret": WEBHOOK_SECRET}
        body = {"config": config, "events": ["create"], "active": True}
        story.github.bot("POST", f"/repos/{repository}/hooks", 201, body)
        story.settle()
        before = story.sent()
        for branch in range(form.pick(short=3, full=10)):
            head = story.github.head(repository)
            ref = {"ref": f"refs/heads/b{branch}", "sha": head}
            story.github.bot("POST", f"/repos/{repository}/git/refs", 201, ref)
        story.settle()
        missed += [guid for guid in story.sent() if guid not in before]
    pings = [guid for guid in story.sent() if guid not in missed]
    story.happened(story.sent(), HOUR)
    story.come_up()
    to = story.redeliverer(is_app=False)
    found = Outcome()
    for _ in range(apps // 5 + 2):
        part = story.sweep_until_quiet(to)
        for name in _COUNTED:
            setattr(found, name, getattr(found, name) + getattr(part, name))
    received = story.received()
    kept = sum(received[guid] for guid in missed)
    calls = found.pages + found.asked + found.fetched + apps
    shown = f"{kept} of {len(missed)} of {apps} apps in {story.passes} passes and {calls} calls"
    figures.tell("W5", "recovered, a webhook for each repository", shown)
    assert received == Counter(missed + pings)


def test_what_is_sent_again_without_a_signature_is_read_instead(
    story: Story, form: Form, figures: Figures
) -> None:
    story.hear_of_everything(secret=None)
    missed = story.happen(form.pick(short=20, full=200))
    story.happened([guid for guid in story.sent() if guid not in missed], 5 * 24 * HOUR, 4 * 24 * HOUR)
    story.happened(missed, HOUR)
    story.come_up()
    found = story.sweep_until_quiet(story.redeliverer(is_app=True))
    shown = f"{found.fetched} of {len(missed)}, each asked for {found.asked // len(missed)} time before"
    figures.tell("W5", "read from GitHub's list, sent again unsigned", shown)
    assert story.received() == Counter(missed)
    assert (found.fetched, found.lost) == (len(missed), 0)
    assert all(FETCHED_HEADER in delivery.headers for delivery in story.plane.deliveries())
    with story.plane.records.read() as tx:
        states = {it.state for it in tx.missed.known(missed).values()}
    assert states == {MissedState.FETCHED}
