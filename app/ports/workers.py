"""Workers: our memory of them, what compiles their code, and what answers at their addresses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.callers import EVERYWHERE, Reach
from app.domain.sources import Source
from app.domain.workers import Calls, Version, Worker
from app.ports.memory import Page


class Workers(Protocol):
    """The workers that are not deleted."""

    def add(self, worker: Worker) -> None:
        """Keep a new one. Raises Conflict when its name is taken, or its slug, be it by an app."""

    def get(self, key: str, *, lock: bool = False) -> Worker:
        """Return it by id, slug or name. `lock` holds it until the transaction ends. Raises NotFound."""

    def save(self, worker: Worker) -> None:
        """Replace what is kept of it. Raises NotFound when it is gone."""

    def list(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> Page:
        """Return a page of the workers in reach, newest first.

        Raises InvalidInput on a cursor that is not ours.
        """

    def due(self, now: datetime, *, limit: int) -> Sequence[Worker]:
        """Return those whose time is over and that are not taken down yet, and those whose hold has ended
        and was not given back.
        """

    def remove(self, worker_id: str) -> None:
        """Let it go; its name becomes free."""


class Versions(Protocol):
    """The versions of workers."""

    def add(self, version: Version) -> None:
        """Keep a new one."""

    def get(self, key: str) -> Version:
        """Return it by id or by its own script. Raises NotFound."""

    def several(self, version_ids: Collection[str]) -> Mapping[str, Version]:
        """Return those that are there, by id."""

    def save(self, version: Version) -> None:
        """Replace what is kept of it."""

    def of(self, worker_id: str, *, limit: int = 1000) -> Sequence[Version]:
        """Return those of a worker, newest first."""

    def remove(self, version_ids: Collection[str]) -> None:
        """Let some go."""


class CallCounts(Protocol):
    """How often functions were called; written for many calls at a time."""

    def of(self, worker_ids: Sequence[str]) -> Mapping[str, Mapping[str, Calls]]:
        """Return what is counted, by worker and function; of what never was called there is nothing."""

    def add(self, worker_id: str, counted: Mapping[str, Calls]) -> None:
        """Add calls to what is counted, by function."""

    def forget(self, worker_id: str) -> None:
        """Let go of all that is counted of a worker."""


class Slugs(Protocol):
    """The slugs that apps and workers have; nobody shares one."""

    def free(self, slug: str) -> None:
        """Give back the slug of a worker whose scripts are gone."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a compiler has against a file; lines and columns count from 1. Without a place it is about all."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module in JavaScript, and all names that it exports, whatever they stand for."""

    code: bytes
    exports: tuple[str, ...]


class Compiler(Protocol):
    """Makes one module in JavaScript of an author's files. It runs none of them."""

    def compile(self, files: Sequence[Source]) -> Compiled:
        """Compile.

        Raises:
            Unprocessable: the author has to change something; `details["errors"]` tells every problem.
            Conflict: the operator has set up no compiler.
        """

    def exports(self, file: Source) -> tuple[str, ...]:
        """Return the names that one file exports, without following its imports. Raises as `compile` does."""


class Endpoints(Protocol):
    """What answers at the addresses of scripts."""

    def functions(self, script: str, key: str | None, *, patiently: bool = True) -> Sequence[str]:
        """Ask a script which functions can be called; `key` is the one that callers bear.

        One that does not answer yet is asked again for a while, `patiently`, or once.

        Raises:
            RemoteUnavailable: it does not answer in time, or not as a worker does.
        """
