"""Deliveries that the code host says it sent and that we do not have: how often they are asked for again.

A delivery is missed until the inbox has it, whatever the host thinks of how sending it went. How the host is
asked is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MOST_TRIES: Final = 5
_FIRST_PAUSE: Final = timedelta(minutes=2)
_GROWTH: Final = 3
_UNAUTHORIZED: Final = 401


class MissedState(StrEnum):
    """What became of a missed delivery."""

    OPEN = "open"
    RECOVERED = "recovered"  # it came when it was sent again
    FETCHED = "fetched"  # it would not come, and was read from the host's list of deliveries
    EXPIRED = "expired"  # the host does not send again what is this old
    LOST = "lost"  # neither sent again nor readable; reconciling finds what it would have told


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a delivery, as the host lists it; `id` is the attempt's, `guid` the delivery's.

    `status_code` is what we answered, or what the host writes when we did not.
    """

    id: int
    guid: str
    event: str
    delivered_at: datetime
    is_redelivery: bool
    status_code: int


@dataclass(frozen=True, slots=True)
class Missed:
    """A delivery that we do not have, sent first at `sent_at`; `app_id` is None of an App's webhook.

    `attempt_id`, `status_code` and `is_redelivery` are of the newest sending, at `seen_at`. It was asked for
    `tries` times and may be again at `try_at`, None when it is not open any more.
    """

    guid: str
    app_id: str | None
    event: str
    sent_at: datetime
    attempt_id: int
    status_code: int
    seen_at: datetime
    is_redelivery: bool = False
    state: MissedState = MissedState.OPEN
    tries: int = 0
    try_at: datetime | None = None
    reason: str | None = None

    @classmethod
    def of(cls, attempts: list[Attempt], app_id: str | None, now: datetime) -> "Missed":
        """Return what was missed, for what is known of its sendings."""
        first, newest = min(attempts, key=_order), max(attempts, key=_order)
        return cls(
            guid=newest.guid,
            app_id=app_id,
            event=newest.event,
            sent_at=first.delivered_at,
            attempt_id=newest.id,
            status_code=newest.status_code,
            seen_at=newest.delivered_at,
            is_redelivery=newest.is_redelivery,
            try_at=now,
        )

    def seen_again(self, other: "Missed") -> "Missed":
        """Return it with what another look told of it."""
        newest = max(self, other, key=lambda it: (it.seen_at, it.attempt_id))
        return replace(
            self,
            sent_at=min(self.sent_at, other.sent_at),
            attempt_id=newest.attempt_id,
            status_code=newest.status_code,
            seen_at=newest.seen_at,
            is_redelivery=newest.is_redelivery,
        )

    @property
    def is_to_be_fetched(self) -> bool:
        """Sending it again does not help: it comes without a signature that we believe, or never.

        GitHub has been seen to send again without signing. Such a body is not taken from whoever brings it,
        but read where GitHub keeps it.
        """
        is_refused = self.is_redelivery and self.status_code == _UNAUTHORIZED
        return self.tries >= MOST_TRIES or (self.tries > 0 and is_refused)

    def is_too_old(self, now: datetime, window: timedelta) -> bool:
        """Tell whether the host does not send it again any more."""
        return now - self.sent_at > window

    def asked(self, now: datetime) -> "Missed":
        """Return it as it is after the host was asked once more: the pause grows with each time."""
        pause = _FIRST_PAUSE * _GROWTH**self.tries
        return replace(self, tries=self.tries + 1, try_at=now + pause)

    def closed(self, state: MissedState, reason: str | None = None) -> "Missed":
        """Return it as nothing more is done about it."""
        return replace(self, state=state, try_at=None, reason=reason)


@dataclass(frozen=True, slots=True)
class Looked:
    """How far the list of a webhook's deliveries was read: all that was sent before `until` is known.

    A round that was begun at `began_at` and has more pages goes on at `cursor`. `hook_id` is the webhook's.
    """

    until: datetime
    began_at: datetime | None = None
    cursor: str | None = None
    hook_id: int | None = None

    @classmethod
    def from_told(cls, told: Mapping[str, str | int | None]) -> "Looked":
        """Return what `told` keeps."""
        began_at, cursor, hook_id = told.get("began_at"), told.get("cursor"), told.get("hook_id")
        return cls(
            until=datetime.fromisoformat(str(told["until"])),
            began_at=datetime.fromisoformat(str(began_at)) if began_at else None,
            cursor=str(cursor) if cursor else None,
            hook_id=int(hook_id) if hook_id else None,
        )

    def told(self) -> Mapping[str, str | int | None]:
        """Return it as JSON keeps it."""
        return {
            "until": self.until.isoformat(),
            "began_at": self.began_at.isoformat() if self.began_at else None,
            "cursor": self.cursor,
            "hook_id": self.hook_id,
        }

    def gone_on(self, cursor: str | None, now: datetime) -> "Looked":
        """Return where a round stands that has read a page: at `cursor`, or at its end when that is None."""
        began_at = self.began_at or now
        if cursor is None:
            return replace(self, until=max(self.until, began_at), began_at=None, cursor=None)
        return replace(self, began_at=began_at, cursor=cursor)


def _order(attempt: Attempt) -> tuple[datetime, int]:
    return attempt.delivered_at, attempt.id
