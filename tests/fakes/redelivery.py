"""Webhooks of a code host that remembers what it sent, and the missed deliveries of our memory."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from app.domain.deliveries import DeliverySource
from app.domain.redelivery import Attempt, Missed
from app.errors import RemoteMissing, RemoteUnavailable
from app.ports.redelivery import APP_HOOK, Hook, SentPage
from tests.fakes.faults import Faults
from tests.fakes.memory import Memory

_PER_PAGE = 3

Receive = Callable[[Attempt, Mapping[str, str], bytes], int]


@dataclass
class FakeHookDeliveries:
    """`receive` answers what is sent with a status code; `refusing` are guids that are not sent again.

    What is asked of `failing` ones fails each time, as what the host itself cannot read does.
    """

    receive: Receive
    clock: Callable[[], datetime]
    lists: dict[Hook, list[Attempt]] = field(default_factory=lambda: {APP_HOOK: []})
    bodies: dict[str, bytes] = field(default_factory=dict)
    refusing: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def send(self, hook: Hook, guid: str, event: str = "push", *, status_code: int | None = None) -> Attempt:
        """Send a delivery, or note that one got `status_code` for an answer."""
        self.bodies.setdefault(guid, json.dumps({"guid": guid}).encode())
        is_redelivery = any(it.guid == guid for it in self.lists.get(hook, []))
        attempt = Attempt(next(self._ids), guid, event, self.clock(), is_redelivery, status_code or 0)
        if status_code is None:
            answer = self.receive(attempt, self._headers(attempt), self.bodies[guid])
            attempt = replace(attempt, status_code=answer)
        self.lists.setdefault(hook, []).append(attempt)
        return attempt

    def sent(self, hook: Hook, cursor: str | None = None) -> SentPage:
        with self.faults.during("sent"):
            newest = [it for it in reversed(self._known(hook)) if cursor is None or it.id < int(cursor)]
            page = newest[:_PER_PAGE]
            return SentPage(page, str(page[-1].id) if len(newest) > _PER_PAGE else None)

    def again(self, hook: Hook, attempt_id: int) -> None:
        with self.faults.during("again"):
            attempt = self._found(hook, attempt_id)
            if attempt.guid in self.refusing:
                raise RemoteMissing(f"asking for {attempt.guid}: it is not sent again")
            self.send(hook, attempt.guid, attempt.event)

    def fetch(self, hook: Hook, attempt_id: int) -> tuple[Mapping[str, str], bytes]:
        with self.faults.during("fetch"):
            attempt = self._found(hook, attempt_id)
            if attempt.guid in self.unreadable:
                raise RemoteMissing(f"reading {attempt.guid}: not found")
            return self._headers(attempt), self.bodies[attempt.guid]

    def _headers(self, attempt: Attempt) -> Mapping[str, str]:
        return {"X-GitHub-Event": attempt.event, "X-GitHub-Delivery": attempt.guid}

    def _known(self, hook: Hook) -> list[Attempt]:
        if hook not in self.lists:
            raise RemoteMissing(f"listing the deliveries of {hook}: not found")
        return self.lists[hook]

    def _found(self, hook: Hook, attempt_id: int) -> Attempt:
        found = next((it for it in self._known(hook) if it.id == attempt_id), None)
        if found is None:
            raise RemoteMissing(f"looking for delivery {attempt_id}: not found")
        if found.guid in self.failing:
            raise RemoteUnavailable(f"looking for delivery {attempt_id}: the host failed")
        return found


class FakeMissedDeliveries:
    """`ports.MissedDeliveries`."""

    def __init__(self, memory: Memory) -> None:
        self._missed = memory.missed
        self._deliveries = memory.deliveries

    def unheard(self, guids: Collection[str]) -> Collection[str]:
        return {guid for guid in guids if not self._is_heard(guid)}

    def known(self, guids: Collection[str]) -> Mapping[str, Missed]:
        return {guid: self._missed[guid] for guid in guids if guid in self._missed}

    def save(self, missed: Missed) -> None:
        self._missed[missed.guid] = missed

    def due(self, now: datetime, *, app_id: str | None = None, limit: int = 100) -> Sequence[Missed]:
        due = [it for it in self._missed.values() if it.try_at is not None and it.try_at <= now]
        wanted = [it for it in due if app_id in {None, it.app_id}]
        return sorted(wanted, key=lambda it: (it.sent_at, it.attempt_id))[:limit]

    def arrived(self, *, limit: int = 1000) -> Sequence[Missed]:
        still_open = (it for it in self._missed.values() if it.try_at is not None)
        return [it for it in still_open if self._is_heard(it.guid)][:limit]

    def forget(self, before: datetime) -> None:
        over = [it.guid for it in self._missed.values() if it.try_at is None and it.sent_at < before]
        for guid in over:
            del self._missed[guid]

    def _is_heard(self, guid: str) -> bool:
        return (DeliverySource.GITHUB, guid) in self._deliveries
