"""Ledgers: the one that all processes share, and one of our own for as long as that is away.

Ours holds beside that what the shared one is told with the next change: budgets that were heard of, calls
that were sent.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from app.domain.limits import Allowance, Ledger
from app.errors import RemoteUnavailable
from app.ports import Clock, Ledgers

T = TypeVar("T")
Act = Callable[[Ledger, Allowance, float], tuple[Ledger, T]]

# One that does not know of the others takes this part of everything.
_PARTS: Final = 10
# To look whether it is back may take a thread five seconds.
_AWAY_SECONDS: Final = 5.0


class LocalLedgers:
    """Port `Ledgers` for the threads of one process."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._ledgers: dict[str, Ledger] = {}

    def change(self, remote: str, act: Callable[[Ledger, float], tuple[Ledger, T]]) -> T:
        """Replace a ledger by what `act` makes of it now, and return what else `act` returns."""
        with self._lock:
            self._ledgers[remote], answer = act(self._ledgers.get(remote, Ledger()), self._now())
            return answer

    def look(self, remote: str) -> tuple[Ledger, float]:
        """Return a ledger, and now."""
        return self._ledgers.get(remote, Ledger()), self._now()


class SharedLedger:
    """The ledger of one remote."""

    def __init__(
        self, allowance: Allowance, ledgers: Ledgers, clock: Clock, monotonic: Callable[[], float]
    ) -> None:
        self._allowance = allowance
        self._part = allowance.part(_PARTS)
        self._ledgers = ledgers
        self._monotonic = monotonic
        self._clock = clock
        self._ahead_seconds = 0.0  # of the clock of whoever keeps the shared one, before ours
        self._own = LocalLedgers(self._now)
        self._away_until = float("-inf")

    def change(self, act: Act[T]) -> T:
        """Replace the ledger by what `act` makes of it, and return what else `act` returns."""
        if self._is_away:
            return self._change_own(act)
        noted = self._own.change(self._allowance.remote, lambda own, _: (Ledger(), own))

        def told(shared: Ledger, now: float) -> tuple[Ledger, T]:
            self._ahead_seconds += now - self._now()
            known = shared.merged(noted) if noted != Ledger() else shared
            return act(known.without_what_is_over(self._allowance, now), self._allowance, now)

        try:
            return self._ledgers.change(self._allowance.remote, told)
        except RemoteUnavailable:
            self._note_away()
            self.note(lambda own, _: own.merged(noted))
            return self._change_own(act)

    def look(self) -> tuple[Ledger, float]:
        """Return the ledger, and now."""
        if not self._is_away:
            try:
                return self._ledgers.look(self._allowance.remote)
            except RemoteUnavailable:
                self._note_away()
        return self._own.look(self._allowance.remote)

    def note(self, act: Callable[[Ledger, float], Ledger]) -> None:
        """Write into our own what the shared one is told with the next change."""
        self._own.change(self._allowance.remote, lambda own, now: (act(own, now), None))

    def _now(self) -> float:
        return self._clock().timestamp() + self._ahead_seconds

    @property
    def _is_away(self) -> bool:
        return self._monotonic() < self._away_until

    def _note_away(self) -> None:
        self._away_until = self._monotonic() + _AWAY_SECONDS

    def _change_own(self, act: Act[T]) -> T:
        return self._own.change(self._allowance.remote, lambda own, now: act(own, self._part, now))
