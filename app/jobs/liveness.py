"""Which workers are alive: each says so every second, in the table `job_workers`.

Ages are measured by the database's clock, so that workers on several machines need not agree on the time.
Nothing is done about the dead here.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

BEAT_SECONDS: Final = 1.0
# Long enough for a slow disk or a short lock, short enough for others to take over within twelve seconds.
LIFETIME_SECONDS: Final = 6.0
_FORGET_AFTER: Final = timedelta(days=1)

_METADATA: Final = MetaData()
WORKERS: Final = Table(
    "job_workers",
    _METADATA,
    Column("executor_id", String, primary_key=True),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
)


def new_executor_id(version: int) -> str:
    """Return a name that no other process ever had; its version can be read from it."""
    return f"v{version}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def version_of(executor_id: str) -> int:
    """Return the version in the name of a worker."""
    return int(executor_id.removeprefix("v").partition("-")[0])


def machine_of(executor_id: str) -> str:
    """Return the machine in the name of a worker: a container is one."""
    return executor_id.partition("-")[2].rsplit("-", 2)[0]


def beats_on(engine: Engine, machine: str) -> bool:
    """Tell whether a worker of that machine lives."""
    with engine.connect() as connection:
        return any(machine_of(name) == machine for name in _living(connection))


class Heartbeat:
    """The sign of life of one worker, and its view of all others."""

    def __init__(
        self, engine: Engine, executor_id: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._executor_id = executor_id
        self._monotonic = monotonic
        self._last_beat: float | None = None
        self._disturbed_at: float | None = None

    def beat(self) -> None:
        """Say that this worker lives. Repeat every BEAT_SECONDS."""
        with self._engine.begin() as connection:
            mine = WORKERS.c.executor_id == self._executor_id
            seen = {"last_seen_at": func.current_timestamp()}
            if connection.execute(update(WORKERS).where(mine).values(seen)).rowcount == 0:
                connection.execute(insert(WORKERS).values(executor_id=self._executor_id, **seen))
        now = self._monotonic()
        if self._last_beat is not None and now - self._last_beat > LIFETIME_SECONDS / 2:
            self._disturbed_at = now
        self._last_beat = now

    def live(self) -> frozenset[str] | None:
        """Return the workers that live, this one included; None when that cannot be judged now.

        A worker that itself was held up, by a locked database or a suspended machine, knows that the signs of
        the others may be late for the same reason. It gives them the time to beat again.
        """
        if self._disturbed_at is not None and self._monotonic() - self._disturbed_at < LIFETIME_SECONDS:
            return None
        with self._engine.connect() as connection:
            return frozenset({self._executor_id, *_living(connection)})

    def leave(self) -> None:
        """Say that this worker is gone, and forget those that have been dead for long."""
        query = select(WORKERS.c.executor_id, WORKERS.c.last_seen_at, _now())
        with self._engine.begin() as connection:
            gone = [name for name, seen, now in connection.execute(query) if now - seen > _FORGET_AFTER]
            gone.append(self._executor_id)
            connection.execute(delete(WORKERS).where(WORKERS.c.executor_id.in_(gone)))


def count_living(engine: Engine) -> int:
    """Return how many workers said within the last seconds that they live."""
    with engine.connect() as connection:
        return len(_living(connection))


def create_table(engine: Engine) -> None:
    """Create the table where migrations have not. May be repeated."""
    _METADATA.create_all(engine, checkfirst=True)


def _living(connection: Connection) -> list[str]:
    query = select(WORKERS.c.executor_id, WORKERS.c.last_seen_at, _now())
    limit = timedelta(seconds=LIFETIME_SECONDS)
    return [name for name, seen, now in connection.execute(query) if now - seen <= limit]


def _now() -> ColumnElement[datetime]:
    return func.current_timestamp(type_=DateTime(timezone=True))
