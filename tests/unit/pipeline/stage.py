"""A stage on which several processes act at once, one at a time, in an order that a test decides.

Each actor is a thread that stops before and after every call to the world outside, and before every
transaction; who goes on is chosen. An actor can be killed where it stands, as a process can.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from app.domain.jobs import Job
from app.ports import Clock, Transaction, Upload
from tests.fakes.jobs import Crashed
from tests.fakes.records import FakeRecords
from tests.fakes.scripts import FakeScripts

_PATIENCE_SECONDS: Final = 20


@dataclass(eq=False)
class Actor:
    """One process. `error` is what it ended with."""

    name: str
    action: Callable[[], object]
    error: BaseException | None = None
    is_over: bool = False
    is_doomed: bool = False
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait(self) -> None:
        assert self._go.acquire(timeout=_PATIENCE_SECONDS), f"{self.name} was forgotten"
        if self.is_doomed:
            raise Crashed(self.name)

    def let_go(self) -> None:
        self._go.release()


class Stage:
    """The actors, and whose turn it is."""

    def __init__(self) -> None:
        self.actors: list[Actor] = []
        self._here = threading.local()
        self._stopped = threading.Semaphore(0)

    def enter(self, name: str, action: Callable[[], object]) -> Actor:
        """Let somebody come in; it does nothing before it is its turn."""
        actor = Actor(name, action)
        self.actors.append(actor)
        threading.Thread(target=self._act, args=(actor,), daemon=True).start()
        return actor

    @property
    def acting(self) -> Sequence[Actor]:
        return [actor for actor in self.actors if not actor.is_over]

    @property
    def name(self) -> str | None:
        """Who is acting."""
        actor: Actor | None = getattr(self._here, "actor", None)
        return actor.name if actor else None

    def go_on(self, actor: Actor) -> None:
        """Let one go on until it stops again or is over."""
        actor.let_go()
        assert self._stopped.acquire(timeout=_PATIENCE_SECONDS), f"{actor.name} does not stop"

    def kill(self, actor: Actor) -> None:
        """Kill one where it stands."""
        actor.is_doomed = True
        self.go_on(actor)

    def pause(self) -> None:
        """Stop here until it is one's turn again; who is not on the stage is not stopped."""
        actor: Actor | None = getattr(self._here, "actor", None)
        if actor is not None:
            self._stopped.release()
            actor.wait()

    def _act(self, actor: Actor) -> None:
        self._here.actor = actor
        try:
            actor.wait()
            actor.action()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test looks at it
            actor.error = error
        actor.is_over = True
        self._stopped.release()


class StagedScripts(FakeScripts):
    """Scripts that stop who calls them; `on_put` hears who put what where at the moment of it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        self.on_put: Callable[[str | None, str], None] = _hear_nothing

    def put(self, namespace: str, script: str, upload: Upload) -> None:
        self._stage.pause()
        super().put(namespace, script, upload)
        self.on_put(self._stage.name, script)
        self._stage.pause()

    def delete(self, namespace: str, script: str) -> bool:
        self._stage.pause()
        found = super().delete(namespace, script)
        self._stage.pause()
        return found


class StagedRecords(FakeRecords):
    """Records that stop who begins a transaction, before it begins."""

    def __init__(self, stage: Stage, clock: Clock) -> None:
        super().__init__(clock, _run_nothing)
        self._stage = stage

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._stage.pause()
        with super().begin() as tx:
            yield tx


def _run_nothing(_transaction: Any, _job: Job) -> None:
    """Leave the job in `queue`."""


def _hear_nothing(_who: str | None, _script: str) -> None:
    """Do nothing."""
