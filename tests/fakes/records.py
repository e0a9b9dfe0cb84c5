"""Our memory without a database: transactions that see one moment, commit whole and roll back whole."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.domain.aliases import Alias
from app.domain.events import Event
from app.domain.jobs import Job
from app.errors import RemoteUnavailable
from app.ports import Clock, Transaction
from tests.fakes.clock import FakeClock
from tests.fakes.deliveries import FakeDeliveries, FakePastDeliveries
from tests.fakes.deployments import FakeDeployments, FakePullRequests
from tests.fakes.glances import FakeGlances
from tests.fakes.memory import (
    FakeApps,
    FakeEventArchives,
    FakeEvents,
    FakeJobs,
    FakeMarks,
    Memory,
)
from tests.fakes.people import FakeApiTokens, FakePeople, FakeRights, FakeSessions
from tests.fakes.reconcile import FakeDrifts, FakeStandingScripts, FakeSurvey
from tests.fakes.redelivery import FakeMissedDeliveries
from tests.fakes.releases import (
    FakeAliases,
    FakeApprovals,
    FakeAssets,
    FakeOwnScripts,
    FakeTokens,
    FakeVariables,
)
from tests.fakes.workers import FakeCallCounts, FakeSlugs, FakeVersions, FakeWorkers


def _run_nothing(_transaction: Any, _job: Job) -> None:
    """Leave the job in `FakeRecords.queue`."""


class FakeRecords:
    """`ports.Records`. `is_away` makes it unavailable; `events` and `queue` are what was committed."""

    def __init__(
        self, clock: Clock | None = None, enqueue: Callable[[Any, Job], None] = _run_nothing
    ) -> None:
        self.is_away = False
        self._clock = clock or FakeClock()
        self._enqueue = enqueue
        self._memory = Memory()
        self._turn = threading.Lock()

    @property
    def memory(self) -> Memory:
        """Everything that was committed."""
        return self._memory

    @property
    def events(self) -> list[Event]:
        return self._memory.events

    @property
    def aliases(self) -> Mapping[str, Alias]:
        return self._memory.aliases

    @property
    def queue(self) -> list[Job]:
        return self._memory.queue

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._check_available()
        if not self._turn.acquire(timeout=1):
            raise RemoteUnavailable("using the fake database: it is locked", code="database:unavailable")
        try:
            draft = self._memory.copy()
            yield self._transaction(draft)
            self._memory = draft
        finally:
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        self._check_available()
        seen = self._memory.copy()
        before = seen.copy()
        yield self._transaction(seen)
        assert seen == before, "a transaction that only looks has written"

    def _transaction(self, memory: Memory) -> Transaction:
        return Transaction(
            apps=FakeApps(memory),
            deployments=FakeDeployments(memory),
            pulls=FakePullRequests(memory),
            deliveries=FakeDeliveries(memory),
            past_deliveries=FakePastDeliveries(memory),
            events=FakeEvents(memory),
            archives=FakeEventArchives(memory),
            jobs=FakeJobs(memory, self._enqueue, self._clock),
            aliases=FakeAliases(memory),
            own_scripts=FakeOwnScripts(memory),
            assets=FakeAssets(memory),
            tokens=FakeTokens(memory),
            variables=FakeVariables(memory),
            approvals=FakeApprovals(memory),
            workers=FakeWorkers(memory),
            versions=FakeVersions(memory),
            calls=FakeCallCounts(memory),
            slugs=FakeSlugs(memory),
            missed=FakeMissedDeliveries(memory),
            marks=FakeMarks(memory),
            standing=FakeStandingScripts(memory),
            drifts=FakeDrifts(memory),
            survey=FakeSurvey(memory),
            glances=FakeGlances(memory),
            people=FakePeople(memory),
            sessions=FakeSessions(memory),
            api_tokens=FakeApiTokens(memory),
            rights=FakeRights(memory),
        )

    def _check_available(self) -> None:
        if self.is_away:
            raise RemoteUnavailable("using the fake database: it is away", code="database:unavailable")
