"""How often remotes may be asked, kept by all processes together."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from app.domain.limits import CallKind, Ledger

T = TypeVar("T")


class Pace(Protocol):
    """What an adapter asks before it sends anything to its remote.

    While the database is away a process keeps a pace of its own, a slower one.
    """

    def take_turn(self, doing: str) -> None:
        """Return when a write may be sent: in no two processes at once, and a pause after the one before.

        Raises:
            RateLimited: the turn is too far away to wait for it, or nothing may be asked now.
        """

    def take_call(self, doing: str, kind: CallKind = CallKind.READ) -> None:
        """Take one call; at once.

        Raises:
            RateLimited: the remote asked for silence, or would: the window is used up.
        """

    def check(self, doing: str) -> None:
        """Raise RateLimited when this process knows that nothing may be asked now."""

    def be_silent_until(self, at: datetime) -> None:
        """Let nobody ask anything before `at`; an earlier time than the one known changes nothing."""

    def hear(self, resource: str, *, limit: int, remaining: int, reset_seconds: float) -> None:
        """Note what the remote said of one of its budgets, which begins anew in `reset_seconds`."""


class Ledgers(Protocol):
    """The ledgers of all remotes, each with the time of whoever keeps it."""

    def change(self, remote: str, act: Callable[[Ledger, float], tuple[Ledger, T]]) -> T:
        """Replace a ledger by what `act` makes of it now, and return what else `act` returns.

        `act` is called alone among all processes; it does nothing but compute.

        Raises:
            RemoteUnavailable: nobody knows what the others do; nothing was changed.
        """

    def look(self, remote: str) -> tuple[Ledger, float]:
        """Return a ledger, and now."""
