"""Durable work in memory: `FakeSteps` remembers what steps answered and can crash between them.

A test runs a job until `Crashed`, calls `restart`, and runs the same job again with what was remembered, as
an engine would. It is stricter than an engine: it refuses an answer that JSON does not hold, and a replay
whose steps come in another order.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from app.errors import BranchlineError, RemoteUnavailable

T = TypeVar("T")

_ATTEMPTS: Final = 100


class Crashed(BaseException):
    """The process is gone. Not an Exception: no code under test survives a kill by catching it."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    name: str
    answer: Any = None
    error: BranchlineError | None = None


@dataclass
class FakeSteps:
    """Runs actions at once. Steps are counted from 1, sleeps too; attempts of one step are one step.

    `crash_before` dies before that step's action, `crash_after` when the action is done but its answer is
    not remembered yet: the two moments that a durable job has to survive. Each happens once.
    """

    crash_before: int | None = None
    crash_after: int | None = None
    names: list[str] = field(default_factory=list)
    """The name of every step that acted, a repeated one as often as it was repeated."""
    waited_for: list[str] = field(default_factory=list)
    """The message of every RemoteUnavailable that was waited for."""
    slept: list[float] = field(default_factory=list)
    """Every sleep that was begun, in seconds."""
    _remembered: list[_Remembered] = field(default_factory=list)
    _position: int = 0

    def restart(self) -> None:
        """Begin the job again, knowing what was remembered."""
        self._position = 0

    @property
    def unmet(self) -> int:
        """How many remembered steps the last run did not come to: an engine refuses such a job."""
        return len(self._remembered) - self._position

    def run(self, name: str, action: Callable[[], T]) -> T:
        """Do `action`, or answer what it answered before the crash."""
        return cast("T", self._step(name, lambda: _jsonable(name, self._persist(name, action))))

    def sleep(self, seconds: float) -> None:
        """Note that the job would sleep, and go on."""
        self._step("sleep", lambda: self.slept.append(seconds))

    @property
    def step_names(self) -> list[str]:
        """The names of the steps that are done, in order, sleeps left out."""
        return [step.name for step in self._remembered if step.name != "sleep"]

    def _step(self, name: str, action: Callable[[], Any]) -> Any:
        self._position += 1
        if self._position > len(self._remembered):
            self._act(name, action)
        step = self._remembered[self._position - 1]
        assert step.name == name, f"step {self._position} was {step.name!r} and is {name!r} in the replay"
        if step.error is not None:
            raise step.error
        return step.answer

    def _act(self, name: str, action: Callable[[], Any]) -> None:
        if self.crash_before == self._position:
            self.crash_before = None
            raise Crashed(f"before step {self._position}, {name}")
        remembered = _outcome(name, action)
        if self.crash_after == self._position:
            self.crash_after = None
            raise Crashed(f"after step {self._position}, {name}")
        self._remembered.append(remembered)

    def _persist(self, name: str, action: Callable[[], T]) -> T:
        for _ in range(_ATTEMPTS):
            self.names.append(name)
            try:
                return action()
            except RemoteUnavailable as error:
                self.waited_for.append(error.message)
        raise AssertionError(f"step {name!r} was unavailable {_ATTEMPTS} times: {self.waited_for[-1]}")


def _outcome(name: str, action: Callable[[], Any]) -> _Remembered:
    try:
        return _Remembered(name, action())
    except BranchlineError as error:
        return _Remembered(name, error=error)


def _jsonable(name: str, answer: Any) -> Any:
    held = json.loads(json.dumps(answer))
    assert held == answer, f"step {name!r} answered {answer!r}, of which JSON makes {held!r}"
    return held
