"""The inbox: deliveries are worked off, each in a transaction of its own, at least once and kept once.

What the work does in the transaction is committed together with the note that it is done, or not at all. What
a delivery means is not known here.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from app.domain.causes import because_of
from app.domain.deliveries import Delivery, DeliveryStatus
from app.errors import BranchlineError
from app.jobs.loops import Loop
from app.ports import Clock, Records, Transaction

log = logging.getLogger(__name__)

Work = Callable[[Transaction, Delivery], DeliveryStatus]

_POLL_SECONDS: Final = 0.15
_BACKOFF_LIMIT_SECONDS: Final = 300.0
_ERROR_LIMIT: Final = 2000
_CANDIDATES: Final = 5  # it was the first to be due; they come with their bodies
_ROUND: Final = 1000
_COURTESY_SECONDS: Final = 0.05


class Inbox:
    """Works deliveries off from `start` until `stop`. Several may do so at once, in any processes."""

    def __init__(self, records: Records, work: Work, clock: Clock) -> None:
        self._records = records
        self._work = work
        self._clock = clock
        self._loop = Loop("inbox", _POLL_SECONDS, self.work_off)

    def start(self) -> None:
        """Begin to look for deliveries."""
        self._loop.start()

    def stop(self) -> None:
        """Stop after the delivery at hand."""
        self._loop.stop()

    def nudge(self) -> None:
        """Look now: something was delivered in this process."""
        self._loop.nudge()

    def work_off(self) -> int:
        """Work off what waits now and return how many deliveries that were; failed ones are counted."""
        for done in range(_ROUND):
            began = time.monotonic()
            if not self._next():
                return done
            # Leave the database to others for as long as we had it: receivers must not wait for our backlog.
            time.sleep(min(time.monotonic() - began, _COURTESY_SECONDS))
        return _ROUND

    def _next(self) -> bool:
        at_hand: Delivery | None = None
        try:
            with self._records.begin() as tx:
                for at_hand in tx.deliveries.waiting(self._clock(), limit=1):
                    with because_of(at_hand.guid):
                        status = self._work(tx, at_hand)
                    done = replace(at_hand, status=status, error=None, processed_at=self._clock())
                    tx.deliveries.save(done)
        except Exception as error:
            if at_hand is None:
                raise
            self._put_off(at_hand, error)
        return at_hand is not None

    def _put_off(self, delivery: Delivery, error: Exception) -> None:
        """Note the failure, unless another worker took the delivery since our transaction was undone."""
        if not isinstance(error, BranchlineError):
            log.error("working off delivery %s", delivery.guid, exc_info=error)
        with self._records.begin() as tx:
            now = self._clock()
            for held in tx.deliveries.waiting(now, limit=_CANDIDATES):
                if (held.id, held.attempts) == (delivery.id, delivery.attempts):
                    failed = replace(
                        held, status=DeliveryStatus.FAILED, attempts=held.attempts + 1, error=_text(error)
                    )
                    tx.deliveries.save(failed, try_at=now + _backoff(failed.attempts))


def _backoff(attempts: int) -> timedelta:
    return timedelta(seconds=min(2.0 ** min(attempts - 1, 16), _BACKOFF_LIMIT_SECONDS))


def _text(error: Exception) -> str:
    text = str(error) if isinstance(error, BranchlineError) else f"{type(error).__name__}: {error}"
    return text[:_ERROR_LIMIT]
