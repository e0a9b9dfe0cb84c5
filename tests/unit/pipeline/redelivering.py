"""A host that sends, a receiver that may fail, and the sweeps that make up for it."""

from collections.abc import Mapping
from typing import Any

from app.domain.deliveries import Delivery, DeliverySource
from app.domain.redelivery import Attempt, Missed, MissedState
from app.pipeline.redeliver import Outcome, Redeliverer, sweep
from app.ports.redelivery import APP_HOOK, Hook
from tests.builders import a_repository, an_app
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost, FakeWebhook
from tests.fakes.code_host_sights import FakeSights
from tests.fakes.records import FakeRecords
from tests.fakes.redelivery import FakeHookDeliveries

URL = "https://branchline.test/webhooks/github"


class World:
    """A host that sends, a receiver that answers as it is told (None: it keeps and answers 202)."""

    def __init__(self, *, has_own_hook: bool = True) -> None:
        self.clock = FakeClock()
        self.records = FakeRecords(self.clock)
        self.host = FakeHookDeliveries(self._receive, self.clock)
        self.repositories = FakeCodeHost(self.clock)
        self.answer: int | None = None
        self.received: list[str] = []
        self.to = Redeliverer(
            records=self.records,
            host=self.host,
            sights=FakeSights(self.repositories),
            clock=self.clock,
            webhook_url=URL,
            has_own_hook=has_own_hook,
        )

    def send(self, *guids: str, hook: Hook = APP_HOOK) -> None:
        for guid in guids:
            self.host.send(hook, guid)
            self.clock.advance(1)

    def sweep(self, times: int = 1) -> Outcome:
        """Sweep so many times, with what is due in between."""
        for _ in range(times - 1):
            self.sweep()
        outcome = sweep(self.to)
        assert outcome is not None
        self.clock.advance(61)
        return outcome

    def sweep_until_quiet(self) -> Outcome:
        """Sweep until nothing is open any more, and return all of it together."""
        total = Outcome()
        for _ in range(1000):
            found = self.sweep()
            for name in ("pages", "missed", "asked", "recovered", "fetched", "expired", "lost"):
                setattr(total, name, getattr(total, name) + getattr(found, name))
            if not self.open():
                return total
        raise AssertionError(f"still open: {self.open()}")

    def missed(self, *guids: str) -> Mapping[str, Missed]:
        with self.records.read() as tx:
            return tx.missed.known(guids or list(self.host.bodies))

    def open(self) -> list[str]:
        return [guid for guid, it in self.missed().items() if it.state is MissedState.OPEN]

    def kept(self) -> list[str]:
        with self.records.read() as tx:
            return sorted(it.guid for it in tx.deliveries.list(limit=1000).items)

    def app(self, number: int = 1, **changes: Any) -> Hook:
        """Add an app whose repository has a webhook of its own, and return that."""
        full_name = f"acme/app-{number}"
        made = self.repositories.add_repository(full_name, {"a": b"1"})
        made.webhooks[URL] = FakeWebhook("secret", ("push",), id=number * 10)
        repository = a_repository(made.description.id, full_name=full_name)
        with self.records.begin() as tx:
            tx.apps.add(an_app(number, repository=repository, **changes))
        hook = Hook(full_name, number * 10)
        self.host.lists[hook] = []
        return hook

    def _receive(self, attempt: Attempt, headers: Mapping[str, str], body: bytes) -> int:
        self.received.append(attempt.guid)
        if self.answer is not None:
            return self.answer
        delivery = Delivery(
            attempt.guid, DeliverySource.GITHUB, attempt.event, headers, body, received_at=self.clock()
        )
        with self.records.begin() as tx:
            tx.deliveries.add(delivery)
        return 202
