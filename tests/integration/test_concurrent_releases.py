"""Two web processes upload, roll back, resume and promote at once, and a jobs process releases.

On SQLite and PostgreSQL: in the end what answers is what the database says, and nobody was in anybody's way.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier, Event, Thread

import pytest

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.deployments import Status
from app.domain.jobs import JobStatus, JobType
from app.domain.runs import RunReport
from app.errors import Busy, Conflict
from tests.builders import a_pull
from tests.fakes.jobs import FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import World

LIVE, NAMESPACE = "slug0001", "live-production"
RELEASING = frozenset({JobType.RELEASE, JobType.PROMOTE, JobType.EXPIRE})
ROUNDS = 8


class Process(World):
    """A process with connections of its own; what it speaks to is the same for all."""

    def __init__(self, url: str, other: World | None = None) -> None:
        super().__init__()
        self.clock = lambda: datetime.now(UTC)  # type: ignore[assignment]
        self.engine = create_engine(url, lock_timeout_seconds=10)
        self.records = SqlRecords(self.engine, lambda _session, _job: None, self.clock)  # type: ignore[assignment]
        if other is not None:
            self.scripts, self.bundles, self.host = other.scripts, other.bundles, other.host


class Hurried(FakeSteps):
    """Steps that wait no longer than a moment."""

    def sleep(self, seconds: float) -> None:
        Event().wait(0.01)
        super().sleep(seconds)


@pytest.fixture
def processes(migrated_url: str) -> Iterator[list[Process]]:
    first = Process(migrated_url)
    first.app()
    first.pull(a_pull(7))
    all_of_them = [first, Process(migrated_url, first), Process(migrated_url, first)]
    yield all_of_them
    for process in all_of_them:
        process.engine.dispose()


def deploy(process: Process, report: RunReport) -> None:
    """Do what a run does: ask until it is its turn, upload, say how it ended."""
    for _ in range(1000):
        with suppress(Busy):
            plan = process.start(report)
            break
        Event().wait(0.005)
    if plan.refusal is not None:
        return
    for _ in range(1000):
        with suppress(Busy):
            process.upload(report)
            break
        Event().wait(0.005)
    process.finish(report)


def act(process: Process, numbers: range, seed: int, preview: str) -> None:
    dice = random.Random(seed)  # noqa: S311 - an order, not a secret
    decisions: list[Callable[[], object]] = [
        *(process.rollback, process.resume),
        *(lambda: process.promote(preview), lambda: None),
    ]
    for number in numbers:
        deploy(process, a_run(number))
        with suppress(Conflict):
            dice.choice(decisions)()


def work(process: Process, is_over: Event) -> None:
    """Run the jobs, the oldest first, until nobody asks for more."""
    while True:
        was_over = is_over.is_set()
        with process.records.read() as tx:
            waiting = tx.jobs.unfinished()
        for job in waiting:
            with process.records.read() as tx:
                whole = tx.jobs.get(job.id)
            if job.type in RELEASING:
                process.run(whole, Hurried())
            with process.records.begin() as tx:
                tx.jobs.save(replace(whole, status=JobStatus.COMPLETED))
        if was_over and not waiting:
            return
        is_over.wait(0.005)


def run_all(*actions: Callable[[], None]) -> list[Exception]:
    """Run actions in threads that begin together; return what they ended with."""
    ended, begin = list[Exception](), Barrier(len(actions))

    def run(action: Callable[[], None]) -> None:
        begin.wait(60)
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            ended.append(error)

    threads = [Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return ended


def slowly(process: Process) -> None:
    """Have every upload take a moment, and see that no two are under way to one script."""
    at_work = set[str]()

    @contextmanager
    def put(script: str) -> Iterator[None]:
        assert script not in at_work, f"two put {script} up at once"
        at_work.add(script)
        Event().wait(0.003)
        yield
        at_work.remove(script)

    process.scripts.around_put = put


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_web_processes_decide_what_is_live_at_once(processes: list[Process], seed: int) -> None:
    first, second, worker = processes
    preview = first.deploy(a_pull_run(1)).id
    first.deploy(a_run(2))
    slowly(first)
    is_over = Event()

    def both() -> None:
        errors.extend(
            run_all(
                lambda: act(first, range(3, 3 + 2 * ROUNDS, 2), seed, preview),
                lambda: act(second, range(4, 4 + 2 * ROUNDS, 2), seed + 100, preview),
            )
        )
        is_over.set()

    errors = list[Exception]()
    assert run_all(both, lambda: work(worker, is_over)) == []
    assert errors == []
    check(worker)


def check(process: Process) -> None:
    alias = process.alias()
    shown = {it.id: it for it in process.deployments()}[alias.deployment_id or ""]
    assert alias.is_in_line
    assert process.scripts.uploads[NAMESPACE, LIVE].bundle.digest == shown.bundle
    for deployment in process.deployments():
        assert deployment.status in {Status.READY, Status.SUPERSEDED}
        own = process.scripts.uploads.get((deployment.namespace, deployment.own_script or ""))
        assert (own is not None) is deployment.has_own_address
        assert own is None or own.bundle.digest == deployment.bundle


def test_of_two_uploads_with_one_grant_in_two_processes_one_is_refused(processes: list[Process]) -> None:
    first, second, _ = processes
    first.start(a_run(1))
    slowly(first)
    errors = run_all(lambda: _upload(first, "blue"), lambda: _upload(second, "red"))
    assert [getattr(error, "error_code", error) for error in errors] in (
        ["deployment:uploading"],
        ["deployment:uploaded"],
    )
    assert first.code() in {"blue", "red"}
    assert first.alias().is_in_line
    check_bytes(first)


def test_the_same_bytes_from_two_processes_end_as_one_upload(processes: list[Process]) -> None:
    first, second, _ = processes
    first.start(a_run(1))
    slowly(first)
    assert run_all(lambda: _upload(first, "blue"), lambda: _upload(second, "blue")) == []
    assert first.code() == "blue"
    check_bytes(first)


def check_bytes(process: Process) -> None:
    """Check that at its own address the deployment shows what is recorded of it."""
    (deployment,) = process.deployments()
    own = process.scripts.uploads[deployment.namespace, deployment.own_script or ""]
    assert own.bundle.digest == deployment.bundle


def _upload(process: Process, code: str) -> None:
    process.upload(a_run(1), code)


def test_the_same_decision_in_two_processes_is_one(processes: list[Process]) -> None:
    first, second, _ = processes
    preview = first.deploy(a_pull_run(1)).id
    made = list[str]()

    def promote(process: Process) -> None:
        made.append(process.promote(preview).deployment.id)

    assert run_all(lambda: promote(first), lambda: promote(second)) == []
    assert len(set(made)) == 1
    assert len([it for it in first.deployments() if it.promoted_from == preview]) == 1


def test_who_rolls_back_in_one_process_is_heard_in_the_other(processes: list[Process]) -> None:
    first, second, worker = processes
    first.deploy(a_run(1))
    first.deploy(a_run(2))
    first.start(a_run(3))
    begun, go_on = Event(), Event()

    @contextmanager
    def put(script: str) -> Iterator[None]:
        if script != LIVE:  # the deployment's own address
            begun.set()
            assert go_on.wait(60)
        yield

    first.scripts.around_put = put

    def roll_back() -> None:
        assert begun.wait(60)
        second.rollback()
        go_on.set()

    assert run_all(lambda: _run(first), roll_back) == []
    assert first.code() == a_run(2).commit
    first.finish(a_run(3))
    over = Event()
    over.set()
    work(worker, over)
    assert worker.code() == a_run(1).commit
    check(worker)


def _run(process: Process) -> None:
    process.upload(a_run(3))
