"""What the code host sent us and how it went, and what of that we missed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from app.domain.redelivery import Attempt, Missed


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of one repository. An App's, which hears of every repository, has neither name nor id."""

    full_name: str = ""
    id: int = 0


APP_HOOK: Final = Hook()


@dataclass(frozen=True, slots=True)
class SentPage:
    """Sendings of a webhook, newest first; `next_cursor` leads to older ones, None when there are none."""

    attempts: Sequence[Attempt]
    next_cursor: str | None


class HookDeliveries(Protocol):
    """What the host's webhooks sent. Each method is one call."""

    def sent(self, hook: Hook, cursor: str | None = None) -> SentPage:
        """Return up to a hundred sendings, the newest, or those behind `cursor`."""

    def again(self, hook: Hook, attempt_id: int) -> None:
        """Have a delivery sent again under its guid; that is a write.

        Raises:
            RemoteRefused: the host does not send it again.
        """

    def fetch(self, hook: Hook, attempt_id: int) -> tuple[Mapping[str, str], bytes]:
        """Return what the host keeps of a sending: headers that may be kept, and its body, written anew."""


class MissedDeliveries(Protocol):
    """Those that we missed."""

    def unheard(self, guids: Collection[str]) -> Collection[str]:
        """Return those of the code host's deliveries that the inbox does not have."""

    def known(self, guids: Collection[str]) -> Mapping[str, Missed]:
        """Return those that are known to be missed, or to have been, by guid."""

    def save(self, missed: Missed) -> None:
        """Keep it, new or known."""

    def due(self, now: datetime, *, app_id: str | None = None, limit: int = 100) -> Sequence[Missed]:
        """Return open ones that may be asked for at `now`, those sent first first; of one app, or of all."""

    def arrived(self, *, limit: int = 1000) -> Sequence[Missed]:
        """Return open ones that the inbox has by now."""

    def forget(self, before: datetime) -> None:
        """Let those go that were sent `before` and are not open."""
