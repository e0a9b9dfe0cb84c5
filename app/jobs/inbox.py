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
from app.errors import BranchlineError, DeliveryRejected
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
    """Works deliveries off from `start` until `stop`. Several may do so at once, in any processes.

    `version` is the one of `work`, which each delivery that it has worked off bears from then on.
    """

    def __init__(self, records: Records, work: Work, clock: Clock, *, version: int | None = None) -> None:
        self._records = records
        self._work = work
        self._clock = clock
        self._version = version
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
                    tx.deliveries.save(self._done(at_hand, status))
        except Exception as error:
            if at_hand is None:
                raise
            self._put_off(at_hand, error)
        return at_hand is not None

    def _done(self, delivery: Delivery, status: DeliveryStatus, error: str | None = None) -> Delivery:
        first_at = delivery.processed_at or self._clock()
        return replace(
            delivery, status=status, error=error, processed_at=first_at, acked_version=self._version
        )

    def _failed(self, delivery: Delivery, error: Exception) -> Delivery:
        """Return what becomes of it; one that cannot be read is not tried again by who cannot read it."""
        if isinstance(error, DeliveryRejected):
            return self._done(delivery, DeliveryStatus.IGNORED, _text(error))
        attempts = delivery.attempts + 1
        return replace(delivery, status=DeliveryStatus.FAILED, attempts=attempts, error=_text(error))

    def _put_off(self, delivery: Delivery, error: Exception) -> None:
        """Note the failure, unless another worker took the delivery since our transaction was undone."""
        if not isinstance(error, BranchlineError):
            log.error("working off delivery %s", delivery.guid, exc_info=error)
        with self._records.begin() as tx:
            now = self._clock()
            for held in tx.deliveries.waiting(now, limit=_CANDIDATES):
                if (held.id, held.attempts) == (delivery.id, delivery.attempts):
                    failed = self._failed(held, error)
                    tx.deliveries.save(failed, try_at=now + _backoff(failed.attempts))


def _backoff(attempts: int) -> timedelta:
    return timedelta(seconds=min(2.0 ** min(attempts - 1, 16), _BACKOFF_LIMIT_SECONDS))


def _text(error: Exception) -> str:
    text = str(error) if isinstance(error, BranchlineError) else f"{type(error).__name__}: {error}"
    return text[:_ERROR_LIMIT]
