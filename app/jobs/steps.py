"""Steps: what a running job acts through, each checkpointed in the engine when it ends.

An action runs at least once: a process may die between the action and its checkpoint. An unavailable remote
is waited for, durably, and asked again until the job's deadline; every other error ends the job. An action
during which processes keep dying ends it too, so that one bad job cannot hold up all others.
"""

import random
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, TypeVar, cast

from dbos import DBOS

from app.errors import BranchlineError, RateLimited, RemoteUnavailable
from app.jobs.lifecycle import Done, Lifecycle
from app.jobs.outcomes import Answered, Failed, Outcome, Postponed, answered, broken, outcome_from_json
from app.jobs.progress import BEGUN_EVENT, HIDDEN_PREFIX, attempt_name
from app.jobs.quarantine import CHANCES, LAST_CHANCE
from app.ports import Clock

T = TypeVar("T")

_BACKOFF_LIMIT_SECONDS: Final = 60.0
_RATE_LIMIT_SECONDS: Final = 3600.0  # GitHub's longest window; a later retry_at is asked about once more


class Unfinished(BaseException):
    """The job is left as it is, to be run again. Not an Exception: no handler stops it on its way."""


@dataclass(frozen=True)
class Patience:
    """How long to wait before an attempt is repeated."""

    first_seconds: float = 1.0
    limit_seconds: float = _BACKOFF_LIMIT_SECONDS

    def retry_at(self, error: RemoteUnavailable, attempt: int, now: datetime) -> datetime:
        """Return when to try again: never before a rate limit ends, and not everybody at the same moment."""
        jitter = random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, keeps no secret
        if isinstance(error, RateLimited):
            pause = (error.retry_at - now).total_seconds() + self.first_seconds * jitter
            return now + timedelta(seconds=min(max(pause, self.first_seconds), _RATE_LIMIT_SECONDS))
        backoff = min(self.first_seconds * 2.0 ** min(attempt - 1, 16), self.limit_seconds)
        return now + timedelta(seconds=backoff * jitter)


@dataclass
class DbosSteps:
    """`ports.Steps` inside a DBOS workflow whose id is the job's id."""

    job_id: str
    lifecycle: Lifecycle
    clock: Clock
    stopping: threading.Event
    patience: Patience = field(default_factory=Patience)
    deadline: datetime | None = None
    given_up: BranchlineError | None = None
    """The error of the step that failed last."""
    on_progress: Callable[[], object] = lambda: None
    """Called when a step is done that was not done before, and when the job waits."""
    has_begun: bool = False
    """Whether a step was begun in this process."""
    done: list[Done] = field(default_factory=list)
    """The steps that were done and are not told yet: the next one tells, or the end of the job."""
    _seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_late(self) -> bool:
        """Tell whether the deadline has passed."""
        return self.deadline is not None and self.clock() > self.deadline

    def run(self, name: str, action: Callable[[], T]) -> T:
        """Do `action`, or answer what it answered before; wait while its remote is unavailable."""
        return cast("T", self._persist(name, action, self.deadline))

    def sleep(self, seconds: float) -> None:
        """Wait; when the process dies meanwhile, the next one waits for what is left."""

        def until() -> str:
            return (self.clock() + timedelta(seconds=seconds)).isoformat()

        self._wait_until(datetime.fromisoformat(self.keep("sleep", until)))

    def keep(self, name: str, action: Callable[[], Any]) -> Any:
        """Do one of our own actions: not seen by callers, and not given up at the deadline."""
        return self._persist(f"{HIDDEN_PREFIX}{name}", action, None)

    def _persist(self, name: str, action: Callable[[], Any], deadline: datetime | None) -> Any:
        for attempt in count(1):
            if self.stopping.is_set():
                raise Unfinished
            outcome = outcome_from_json(
                DBOS.run_step(
                    {"name": attempt_name(name, attempt)}, self._attempt, name, attempt, action, deadline
                )
            )
            if isinstance(outcome, Answered):
                self._note(name, attempt)
                return outcome.answer
            if isinstance(outcome, Failed):
                self.given_up = outcome.as_error()
                raise self.given_up
            self._wait_until(outcome.until)
        raise AssertionError("unreachable")

    def _attempt(
        self, name: str, attempt: int, action: Callable[[], Any], deadline: datetime | None
    ) -> dict[str, Any]:
        self.on_progress()
        beginnings = self._beginnings(name)
        with LAST_CHANCE if beginnings == CHANCES else nullcontext():
            self._begin(name, beginnings)
            if beginnings > CHANCES:
                return _deadly(name).to_json()
            self._tell_before(name)
            began = time.monotonic()
            outcome = self._act(name, attempt, action, deadline)
            self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - began
        if isinstance(outcome, Postponed):
            self._say_waiting(outcome.message)
        elif attempt > 1:
            self._say_waiting(None)
        return outcome.to_json()

    def _note(self, name: str, attempts: int) -> None:
        """Note that a step was done, here or before; one that is repeated in a row is one step."""
        if name.startswith(HIDDEN_PREFIX):
            return
        if self.done and self.done[-1].name == name:
            attempts += self.done.pop().attempts
        seconds = self._seconds.get(name)
        self.done.append(Done(name, attempts, None if seconds is None else round(seconds, 3)))

    def _tell_before(self, name: str) -> None:
        """Tell of the steps that another one follows; what the database does not take now, it takes later."""
        told = [it for it in self.done if it.name != name]
        if told and not name.startswith(HIDDEN_PREFIX):
            with suppress(RemoteUnavailable):
                self.lifecycle.tell(self.job_id, told)
                self.done[:] = [it for it in self.done if it not in told]

    def _act(self, name: str, attempt: int, action: Callable[[], Any], deadline: datetime | None) -> Outcome:
        try:
            return answered(name, action())
        except RemoteUnavailable as error:
            until = self.patience.retry_at(error, attempt, self.clock())
            if deadline is not None and until > deadline:
                return Failed.from_error(error)
            return Postponed(until, error.message)
        except BranchlineError as error:
            return Failed.from_error(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this job and no other
            return broken(f"job {self.job_id}, step {name!r}", error)

    def _beginnings(self, name: str) -> int:
        """Return how often the step at hand began without ending, this time included.

        An action of our own counts for nothing: all jobs have the same, and what others do to a process
        is not held against this.
        """
        if self.has_begun or name.startswith(HIDDEN_PREFIX):
            return 1
        earlier = DBOS.get_all_events(self.job_id).get(BEGUN_EVENT)
        if earlier is None or earlier["step"] != DBOS.step_id:
            return 1
        return int(earlier["beginnings"]) + 1

    def _begin(self, name: str, beginnings: int) -> None:
        """Keep that the step begins."""
        self.has_begun = True
        if name.startswith(HIDDEN_PREFIX):
            return
        at = self.clock().isoformat()
        DBOS.set_event(BEGUN_EVENT, {"step": DBOS.step_id, "name": name, "at": at, "beginnings": beginnings})

    def _say_waiting(self, what: str | None) -> None:
        # Perhaps the database itself is what we wait for; the end of the job clears the row.
        with suppress(RemoteUnavailable):
            self.lifecycle.wait_for(self.job_id, what)

    def _wait_until(self, moment: datetime) -> None:
        """Wait in this thread; what makes it durable is that `moment` was kept in a step."""
        self.on_progress()
        remaining = (moment - self.clock()).total_seconds()
        if remaining > 0 and self.stopping.wait(remaining):
            raise Unfinished


def _deadly(name: str) -> Failed:
    message = f"step {name!r} was given up: the process ended {CHANCES} times while it ran"
    return Failed("Broken", "job:crashed", message, {})
