"""The pace of one process towards one remote.

Calls are taken from the ledger some at a time and used up here, so that a call in a hurry pays for none of
it; writes take their turns one by one.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NoReturn

from app.domain.limits import Allowance, CallKind, Ledger, Told
from app.domain.urgency import is_urgent
from app.errors import RateLimited
from app.pacing.ledgers import Act, SharedLedger
from app.ports import Clock, Ledgers

_LEAST_AT_ONCE: Final = 2
_MOST_AT_ONCE: Final = 32
_LONGEST_LEASE_SECONDS: Final = 10.0
_REFUSAL_SECONDS: Final = 1.0
# A turn that is further away is not waited for: a thread is not held, and a caller told when to come again.
_LONGEST_WAIT_SECONDS: Final = 5.0
_LONGEST_WAIT_IN_BACKGROUND_SECONDS: Final = 1.0
# Sent later than this after it was cleared, a write might be too close before the next.
_LATE_SECONDS: Final = 0.05
_CLEARINGS: Final = 3


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the ledger said: calls that were granted, or in how many seconds to come again."""

    now: float
    granted: int = 0
    wait_seconds: float = 0.0
    silent_seconds: float = 0.0
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(slots=True)
class _Lease:
    """Calls that were taken in advance, until `until`; times are by our own monotonic clock."""

    left: int = 0
    until: float = 0.0
    taken_at: float = 0.0  # by the ledger's clock
    size: int = _LEAST_AT_ONCE
    refused_until: float = 0.0

    def next_size(self) -> int:
        """Return how many to take next: as many more as were used up in time."""
        return min(self.size * 2, _MOST_AT_ONCE) if self.left == 0 else max(self.size // 2, _LEAST_AT_ONCE)


class Pacer:
    """Port `Pace`; any thread may use it.

    What others were told is looked at when our last look is `fresh_seconds` old; with 0, before every call.
    """

    # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    def __init__(
        self,
        allowance: Allowance,
        ledgers: Ledgers,
        clock: Clock,
        *,
        fresh_seconds: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._allowance = allowance
        self._ledger = SharedLedger(allowance, ledgers, clock, monotonic)
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._leases: dict[tuple[CallKind, bool], _Lease] = {}
        self._told: dict[str, tuple[Told, float]] = {}
        self._silent_until = float("-inf")
        self._looked_at = float("-inf")

    def take_turn(self, doing: str) -> None:
        """Return when a write may be sent: in no two processes at once, and a pause after the one before."""
        if not self._allowance.pause_seconds:
            return self.take_call(doing, CallKind.WRITE)
        self._check_budget(doing, CallKind.WRITE)
        longest = _LONGEST_WAIT_SECONDS if is_urgent() else _LONGEST_WAIT_IN_BACKGROUND_SECONDS
        answer, at = self._change(doing, partial(_reserve, is_urgent=is_urgent(), longest=longest))
        if not answer.granted:
            self._refuse(doing, answer.wait_seconds, "for its turn to write to")
        self._await_clearance(doing, answer, at)
        self._ledger.note(lambda own, _: own.count(CallKind.WRITE, 1))
        return None

    def take_call(self, doing: str, kind: CallKind = CallKind.READ) -> None:
        """Take one call; at once."""
        with self._lock:
            self._check_budget(doing, kind)
            lease = self._leases.setdefault((kind, is_urgent()), _Lease())
            now = self._monotonic()
            if now < lease.refused_until:
                self._refuse(doing, lease.refused_until - now)
            if lease.left < 1 or now >= lease.until:
                self._renew(doing, kind, lease)
            elif now - self._looked_at >= self._fresh_seconds:
                self._look(doing)
            lease.left -= 1
        self._ledger.note(lambda own, _: own.count(kind, 1))

    def check(self, doing: str) -> None:
        """Raise RateLimited when this process knows that nothing may be asked now."""
        left = self._silent_until - self._monotonic()
        if left > 0:
            self._refuse(doing, left)

    def be_silent_until(self, at: datetime) -> None:
        """Let nobody ask anything before `at`; an earlier time than the one known changes nothing."""
        seconds = (at - self._clock()).total_seconds()
        self._silent_until = max(self._silent_until, self._monotonic() + seconds)
        self._ledger.change(lambda ledger, _, now: (ledger.silenced(now + seconds), None))

    def hear(self, resource: str, *, limit: int, remaining: int, reset_seconds: float) -> None:
        """Note what the remote said of one of its budgets, which begins anew in `reset_seconds`."""

        def note(own: Ledger, now: float) -> Ledger:
            return replace(own, told={**own.told, resource: Told(limit, remaining, now + reset_seconds)})

        self._told[resource] = (Told(limit, remaining, 0), self._monotonic() + reset_seconds)
        self._ledger.note(note)

    def _await_clearance(self, doing: str, answer: _Answer, at: float) -> None:
        """Wait for our turn, and for the write before ours if that was late; who is late waits once more."""
        was_late = False
        for _ in range(_CLEARINGS):
            if not answer.wait_seconds:
                # A database that is always slow makes everybody late alike, and nobody wait for ever.
                if was_late or self._monotonic() - at <= _LATE_SECONDS:
                    return
                was_late = True
            self._sleep_until(at + answer.wait_seconds)
            answer, at = self._change(doing, _clear)
        if answer.wait_seconds:
            self._refuse(doing, answer.wait_seconds, "for its turn to write to")

    def _renew(self, doing: str, kind: CallKind, lease: _Lease) -> None:
        """Take calls in advance, and give those back that were not used in time."""
        if lease.left > 0:
            give_back = partial(_give_back, self._allowance, kind, lease.left, lease.taken_at)
            self._ledger.note(lambda own, _: give_back(own))
        size, lease.left = lease.next_size(), 0
        answer, at = self._change(doing, partial(_take, kind=kind, calls=size, is_urgent=is_urgent()))
        if not answer.granted:
            lease.refused_until = at + min(answer.wait_seconds, _REFUSAL_SECONDS)
            self._refuse(doing, answer.wait_seconds)
        lease.left, lease.size, lease.taken_at = answer.granted, size, answer.now
        lease.until = at + _lease_seconds(self._allowance, kind)

    def _change(self, doing: str, act: Act[_Answer]) -> tuple[_Answer, float]:
        """Change the ledger; return what it says, and when it said so by our own clock."""
        times = list[float]()

        def timed(ledger: Ledger, allowance: Allowance, now: float) -> tuple[Ledger, _Answer]:
            times.append(self._monotonic())
            return act(ledger, allowance, now)

        answer = self._ledger.change(timed)
        self._looked_at = self._monotonic()
        self._learn(answer.silent_seconds, answer.told, answer.now)
        if answer.silent_seconds:
            self._refuse(doing, answer.silent_seconds)
        return answer, times[-1]

    def _look(self, doing: str) -> None:
        ledger, now = self._ledger.look()
        self._looked_at = self._monotonic()
        self._learn(ledger.silent_seconds(now), ledger.told, now)
        self.check(doing)

    def _learn(self, silent_seconds: float, told: Mapping[str, Told], now: float) -> None:
        """Keep what others were told; of budgets only those that we heard nothing of ourselves."""
        ours = self._monotonic()
        if silent_seconds:
            self._silent_until = max(self._silent_until, ours + silent_seconds)
        for resource, theirs in told.items():
            if resource not in self._told or self._told[resource][1] <= ours:
                self._told[resource] = (theirs, ours + theirs.reset_at - now)

    def _check_budget(self, doing: str, kind: CallKind) -> None:
        """Raise RateLimited when we know by ourselves that the remote would refuse."""
        self.check(doing)
        known = self._told.get(self._allowance.resources.get(kind, ""))
        if known is not None and known[0].spare(is_urgent=is_urgent()) < 1:
            left = known[1] - self._monotonic()
            if left > 0:
                self._refuse(doing, left)

    def _refuse(self, doing: str, seconds: float, what: str = "for the rate limit of") -> NoReturn:
        retry_at = self._clock() + timedelta(seconds=seconds)
        raise RateLimited(f"{doing}: waiting {what} {self._allowance.name}", retry_at=retry_at)

    def _sleep_until(self, at: float) -> None:
        seconds = at - self._monotonic()
        if seconds > 0:
            self._sleep(seconds)


def _take(
    ledger: Ledger, allowance: Allowance, now: float, *, kind: CallKind, calls: int, is_urgent: bool
) -> tuple[Ledger, _Answer]:
    """Take as many calls as there is room for."""
    silent = ledger.silent_seconds(now)
    room = ledger.room(allowance, kind, now, is_urgent=is_urgent)
    granted = 0 if silent else calls if room is None else min(calls, room)
    answer = _Answer(now, granted, silent_seconds=silent, told=ledger.told)
    if not granted:
        at = ledger.room_at(allowance, kind, now, is_urgent=is_urgent)
        return ledger, replace(answer, wait_seconds=at - now)
    return ledger.take(allowance, kind, granted, now), answer


def _reserve(
    ledger: Ledger, allowance: Allowance, now: float, *, is_urgent: bool, longest: float
) -> tuple[Ledger, _Answer]:
    """Take the next turn that nobody has, unless it is too far away; one that is now is clear at once."""
    taken, answer = _take(ledger, allowance, now, kind=CallKind.WRITE, calls=1, is_urgent=is_urgent)
    if not answer.granted:
        return ledger, answer
    turn = ledger.turn_at(allowance, now)
    if turn - now > longest:
        # Not all at the moment when the last turn is over: whoever comes earlier keeps the turns in use.
        wait = random.uniform(0.3, 1.0) * (turn - now)  # noqa: S311 - spreads load, keeps no secret
        return ledger, replace(answer, granted=0, wait_seconds=wait)
    given = replace(taken, next_turn_at=turn + allowance.spacing_seconds)
    if turn <= now:
        return replace(given, written_at=now), answer
    return given, replace(answer, wait_seconds=turn - now)


def _clear(ledger: Ledger, allowance: Allowance, now: float) -> tuple[Ledger, _Answer]:
    """Let a write be sent now, if the one before it was sent long enough ago."""
    answer = _Answer(now, 1, silent_seconds=ledger.silent_seconds(now), told=ledger.told)
    at = ledger.clear_at(allowance, now)
    if answer.silent_seconds or at > now:
        return ledger, replace(answer, wait_seconds=at - now)
    return replace(ledger, written_at=now), answer


def _give_back(allowance: Allowance, kind: CallKind, calls: int, at: float, own: Ledger) -> Ledger:
    return own.take(allowance, kind, -calls, at)


def _lease_seconds(allowance: Allowance, kind: CallKind) -> float:
    pieces = [allowance.windows[name].piece_seconds for name in allowance.cost(kind)]
    return min([_LONGEST_LEASE_SECONDS, *pieces])
