"""Replays: whatever history is worked off again, in any order and as often, what was right stays as it is."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.deliveries import DeliveryFilter, DeliverySource, DeliveryStatus
from app.domain.events import Tag
from app.domain.reports import (
    CommentWritten,
    InstallationRepositoriesChanged,
    PullRequestChanged,
    Pushed,
    Report,
    RepositoryName,
    RepositoryTransferred,
)
from app.errors import Conflict, NotFound, UserError
from app.jobs.inbox import Inbox
from app.pipeline.accept import VERSION, work_off
from app.pipeline.discard import discard_deliveries
from app.pipeline.expire import sweep
from app.pipeline.replay import PER_SECOND, part_of, replay_one, replay_part
from tests.builders import a_delivery
from tests.proofs import pick
from tests.unit.pipeline import heard
from tests.unit.pipeline.forks import Fork
from tests.unit.pipeline.runs import a_pull_run, a_run, what_github_says
from tests.unit.pipeline.world import OURS, REPOSITORY_ID, World

AWAY = 999


class Past:
    """An app's life as the code host tells it, a delivery a moment."""

    def __init__(self) -> None:
        self.world = World()
        self.world.app()
        self.reports: dict[str, Report | None] = {}
        self.inbox = Inbox(
            self.world.records,
            lambda tx, delivery: work_off(
                tx,
                delivery,
                parse=lambda it: self.reports[it.guid],
                platform=self.world.platform,
                at=self.world.clock(),
            ),
            self.world.clock,
            version=VERSION,
        )
        self._runs = 0
        self.fork = _ToldFork(self)

    def tell(self, report: Report | None, **changes: Any) -> str:
        """Deliver a report and have it worked off, with the jobs that it asks for."""
        self.world.clock.advance(1)
        number = len(self.reports) + 1
        guid = f"guid-{number}"
        self.reports[guid] = report
        told = {"received_at": self.world.clock(), "body_sha256": f"{number:064x}", **changes}
        with self.world.records.begin() as tx:
            assert tx.deliveries.add(a_delivery(number, **told))
        self.work()
        return guid

    def work(self) -> None:
        self.inbox.work_off()
        self.world.run_queue()

    def replay(self, guid: str) -> None:
        self.world.clock.advance(1)
        with self.world.records.begin() as tx:
            replay_one(tx, guid, actor="ada", at=self.world.clock())

    # -------------------- what happens

    def push(self, branch: str = "main", **changes: Any) -> None:
        self.tell(pushed(branch, **changes))

    def deploy(self, branch: str = "main", *, is_told_twice: bool = False) -> None:
        """Push, and let the run of it go live."""
        self.push(branch)
        self._runs += 1
        self._run(a_run(self._runs, branch=branch, ref=f"refs/heads/{branch}"), is_told_twice=is_told_twice)

    def deploy_pull(self) -> None:
        self._runs += 1
        self._run(a_pull_run(self._runs), is_told_twice=False)

    def _run(self, run: Any, *, is_told_twice: bool) -> None:
        self.world.know(run.commit)
        self.tell(what_github_says(run, "requested"))
        self.tell(what_github_says(run, "in_progress"))
        with suppress(UserError):  # not every run may deploy any more
            if self.world.start(run).refusal is None:
                self.world.upload(run)
                self.world.finish(run)
        self.tell(what_github_says(run, "success"))
        if is_told_twice:
            self.tell(what_github_says(run, "failure"))

    def change_pull(self, action: str, commit: str, *, same_second: bool = False) -> None:
        at = self.world.clock() - timedelta(seconds=1 if same_second else 0)
        self.tell(pull_changed(action, commit, updated_at=at.replace(microsecond=0)))

    def push_fork(self, letter: str) -> None:
        self.fork.end(self.fork.push(letter))

    def wish(self, author: str) -> None:
        """Have somebody write /preview about the fork's pull request, a minute after its last commit."""
        self.world.clock.advance(60)
        self.tell(
            CommentWritten(
                repository=OURS,
                number=9,
                comment_id=len(self.reports),
                author=author,
                body="/preview",
                created_at=self.world.clock(),
                is_on_pull_request=True,
            )
        )

    def expire(self) -> None:
        """Let so much time pass that previews are taken down."""
        self.world.clock.advance(30 * 24 * 3600)
        sweep(self.world.records, self.world.clock())
        self.world.run_queue()

    # -------------------- what is there

    def status_of(self, guid: str) -> DeliveryStatus:
        return self.world.records.memory.deliveries[DeliverySource.GITHUB, guid].status

    def state(self) -> dict[str, Any]:
        """Return everything that is recorded and shown, but for the replays and the jobs themselves."""
        world, memory = self.world, self.world.records.memory
        facts = [it for it in world.events() if it.tag is not Tag.DELIVERY_REPLAY_REQUESTED]
        names = ("apps", "deployments", "pulls", "aliases", "approvals", "try_at")
        host = world.repository()
        return {
            **{name: dict(getattr(memory, name)) for name in names},
            "facts": [replace(it, id=None, place=None) for it in facts],
            "comments": {key: it.body for key, it in host.comments.items()},
            "statuses": {key: it.state for key, it in host.statuses.items()},
        }


class _ToldFork(Fork):
    """A fork whose pull request is told by deliveries."""

    def __init__(self, past: Past) -> None:
        super().__init__(past.world, number=9)
        self._past = past

    def hear(self, report: Report) -> DeliveryStatus:
        self._past.tell(report)
        return DeliveryStatus.PROCESSED


def pushed(branch: str, **changes: Any) -> Pushed:
    by_ada = heard.pushed(
        ref=f"refs/heads/{branch}", branch=branch, author="ada", committed_at=None, sender="ada"
    )
    return replace(by_ada, **changes)


def pull_changed(action: str, commit: str, **changes: Any) -> PullRequestChanged:
    report = PullRequestChanged(
        repository=OURS,
        action=action,
        number=7,
        is_open=action != "closed",
        is_merged=False,
        title="Say hello",
        html_url="https://github.test/acme/app-1/pull/7",
        head_branch="hello",
        head_commit=commit,
        head_repository_id=REPOSITORY_ID,
        author="ada",
        updated_at=changes["updated_at"],
    )
    return replace(report, **changes)


def name(full_name: str) -> RepositoryName:
    return RepositoryName(REPOSITORY_ID, full_name)


HAPPENINGS: dict[str, Callable[[Past], object]] = {
    "deploy": lambda past: past.deploy(),
    "deploy, told to have failed": lambda past: past.deploy(is_told_twice=True),
    "branch preview": lambda past: past.deploy("lab"),
    "branch deleted": lambda past: past.push("lab", is_deleted=True),
    "pull opened": lambda past: past.change_pull("opened", f"{1:040x}"),
    "pull pushed": lambda past: past.change_pull("synchronize", f"{2:040x}"),
    "pull pushed in the same second": lambda past: past.change_pull(
        "synchronize", f"{3:040x}", same_second=True
    ),
    "pull closed": lambda past: past.change_pull("closed", f"{2:040x}"),
    "pull reopened": lambda past: past.change_pull("reopened", f"{2:040x}"),
    "pull deployed": lambda past: past.deploy_pull(),
    "fork pushed": lambda past: past.push_fork("c"),
    "fork pushed again": lambda past: past.push_fork("d"),
    "a member's wish": lambda past: past.wish("ada"),
    "a stranger's wish": lambda past: past.wish("eve"),
    "weeks": lambda past: past.expire(),
    "removed from the App": lambda past: (
        past.tell(
            InstallationRepositoriesChanged(installation_id=1, account="acme", added=(), removed=(OURS,))
        )
        and None
    ),
    "added to the App": lambda past: (
        past.tell(
            InstallationRepositoriesChanged(installation_id=1, account="acme", added=(OURS,), removed=())
        )
        and None
    ),
    "transferred away": lambda past: (
        past.tell(RepositoryTransferred(repository=name("else/app-1"), owner_id=AWAY)) and None
    ),
    "transferred back": lambda past: past.tell(RepositoryTransferred(repository=OURS, owner_id=1)),
    "unknown": lambda past: past.tell(None),
}


@settings(max_examples=pick(short=100, full=5000), suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_replay_of_any_history_changes_nothing(data: st.DataObject) -> None:
    past = Past()
    past.push()
    for happening in data.draw(st.lists(st.sampled_from(sorted(HAPPENINGS)), min_size=1, max_size=8)):
        HAPPENINGS[happening](past)
    before = past.state()
    processed = {
        it: status for it in past.reports if (status := past.status_of(it)) is not DeliveryStatus.IGNORED
    }
    guids = data.draw(st.lists(st.sampled_from(sorted(past.reports)), min_size=1, max_size=20))
    for guid in guids:
        past.replay(guid)
        if data.draw(st.booleans()):
            past.work()
    past.work()
    after = past.state()
    for what, was in before.items():
        assert after[what] == was, what
    for guid, status in processed.items():  # what was ignored may have become our business
        assert past.status_of(guid) is status


# -------------------- one, and many


def test_a_replay_is_a_fact_with_its_actor() -> None:
    past = Past()
    past.push()
    past.replay("guid-1")
    fact = past.world.events()[-1]
    assert (fact.tag, fact.subject, fact.actor) == (Tag.DELIVERY_REPLAY_REQUESTED, "guid-1", "ada")


def test_what_cannot_be_replayed_says_why() -> None:
    past = Past()
    past.push()
    past.tell(pushed("main"), body_sha256=f"{1:064x}")
    with pytest.raises(NotFound):
        past.replay("guid-9")
    with pytest.raises(Conflict, match="duplicate"):
        past.replay("guid-2")


def test_many_are_replayed_a_part_at_a_time_and_spread() -> None:
    past = Past()
    for _ in range(5):
        past.push()
    world, after = past.world, 0
    parts = []
    for _ in range(3):
        with world.records.begin() as tx:
            part = replay_part(tx, DeliveryFilter(), after=after, limit=2, actor="ada", at=world.clock())
        parts.append(part.number)
        after = part.next_after or 0
    assert (parts, after) == ([2, 2, 1], 0)
    times = sorted(world.records.memory.try_at.values())
    # Each part begins where the one before it ends.
    assert [(it - times[0]) / timedelta(seconds=1 / PER_SECOND) for it in times] == [0, 1, 1, 2, 2]


def test_a_rehearsal_changes_nothing() -> None:
    past = Past()
    past.push()
    before = past.world.records.memory.copy()
    with past.world.records.read() as tx:
        assert part_of(tx, DeliveryFilter(), after=0, limit=10).number == 1
        assert part_of(tx, DeliveryFilter(older_than=VERSION), after=0, limit=10).number == 0
        assert part_of(tx, DeliveryFilter(older_than=VERSION + 1), after=0, limit=10).number == 1
    assert past.world.records.memory == before


# -------------------- the same body under another guid


def test_a_body_counts_once() -> None:
    past = Past()
    past.tell(pushed("main"), body_sha256="f" * 64)
    past.tell(pushed("main"), body_sha256="f" * 64)
    assert past.world.tags() == [Tag.BRANCH_PUSHED]
    assert statuses(past) == [DeliveryStatus.PROCESSED, DeliveryStatus.DUPLICATE]


def test_a_body_whose_first_delivery_failed_counts_with_the_second() -> None:
    past = Past()
    work, is_broken = past.inbox._work, True

    def fail_first(tx: Any, delivery: Any) -> DeliveryStatus:
        if is_broken and delivery.guid == "guid-1":
            raise LookupError("not now")
        return work(tx, delivery)

    past.inbox._work = fail_first
    past.tell(pushed("main"), body_sha256="f" * 64)
    assert statuses(past) == [DeliveryStatus.FAILED]
    past.tell(pushed("main"), body_sha256="f" * 64)
    is_broken = False
    past.world.clock.advance(60)
    past.work()
    assert past.world.tags() == [Tag.BRANCH_PUSHED]
    assert statuses(past) == [DeliveryStatus.DUPLICATE, DeliveryStatus.PROCESSED]


def statuses(past: Past) -> Sequence[DeliveryStatus]:
    return [it.status for it in past.world.records.memory.deliveries.values()]


# -------------------- retention


def test_what_is_old_and_done_is_let_go_and_nothing_else() -> None:
    past = Past()
    for _ in range(3):
        past.push()
    past.replay("guid-2")
    past.inbox._work = lambda _tx, _delivery: 1 / 0  # type: ignore[assignment,return-value]
    past.world.clock.advance(100)
    now = past.world.clock()
    past.tell(None)
    pauses: list[float] = []
    assert discard_deliveries(past.world.records, now, pause=pauses.append) == 2
    left = {it.guid: it.status for it in past.world.records.memory.deliveries.values()}
    assert left == {"guid-2": DeliveryStatus.FAILED, "guid-4": DeliveryStatus.FAILED}
    assert pauses == []
