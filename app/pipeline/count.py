"""Count: how often functions are called, gathered in memory and written down for many calls at a time.

What is called at a worker's own address passes us by, and is not counted here.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from app.domain.workers import Calls
from app.errors import NotFound
from app.ports import Records, Transaction


class Tally:
    """The calls of this process that are not written down yet; any thread may add to it.

    `on_first` is called when there is something to write down, and was nothing before.
    """

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        self.on_first = on_first
        self._lock = threading.Lock()
        self._counted: dict[str, dict[str, Calls]] = {}

    def note(self, worker_id: str, function: str, at: datetime, *, has_succeeded: bool) -> None:
        """Count one call."""
        self._add(worker_id, function, Calls(1, 0 if has_succeeded else 1, at))

    def write(self, records: Records) -> None:
        """Write down what was counted; it stays counted when that fails.

        Raises:
            RemoteUnavailable: the database does not answer.
        """
        with self._lock:
            taken, self._counted = self._counted, {}
        if not taken:
            return
        try:
            with records.begin() as tx:
                for worker_id, calls in sorted(taken.items()):
                    add_calls(tx, worker_id, calls)
        except BaseException:
            self._put_back(taken)
            raise

    def _add(self, worker_id: str, function: str, calls: Calls) -> None:
        with self._lock:
            is_first = not self._counted
            of_worker = self._counted.setdefault(worker_id, {})
            known = of_worker.get(function)
            of_worker[function] = known.plus(calls) if known else calls
        if is_first:
            self.on_first()

    def _put_back(self, taken: Mapping[str, Mapping[str, Calls]]) -> None:
        for worker_id, counted in taken.items():
            for function, calls in counted.items():
                self._add(worker_id, function, calls)


def add_calls(tx: Transaction, worker_id: str, calls: Mapping[str, Calls]) -> None:
    """Add to what is counted of a worker, unless it was deleted meanwhile."""
    try:
        tx.workers.get(worker_id)
    except NotFound:
        return
    tx.calls.add(worker_id, calls)
