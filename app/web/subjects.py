"""What a route is about: from the arguments of its URL to the app, or the worker, whose rights decide.

A new argument has its row in one of the tables here, or its route answers nobody. Rights themselves are
`guard`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.domain.apps import App
from app.domain.workers import Worker
from app.errors import Broken, NotFound
from app.pipeline.known import known_app, known_worker
from app.ports import Transaction

# What is of neither an app nor a worker is the platform's own.
OWNER_PREFIXES: Final = ("app_", "wrk_")


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing that a URL names: `kind` and `key` as it says, and whose rights decide, by id.

    `app` and `worker` are None where the owner is gone, or is the platform itself.
    """

    kind: str
    key: str
    owner_id: str
    app: App | None = None
    worker: Worker | None = None

    @property
    def hidden(self) -> NotFound:
        """What is said of it to who may not know of it: the same as when there is none."""
        return NotFound.of(self.kind, self.key)


def subject_of(tx: Transaction, arguments: Mapping[str, Any]) -> Subject | None:
    """Return what arguments of a URL name; None when they name nothing, as lists do. Raises NotFound."""
    unknown = arguments.keys() - _FINDERS.keys() - QUALIFIERS
    if unknown:
        raise Broken(f"looking whose {', '.join(sorted(unknown))} is: no table says")
    for name, find in _FINDERS.items():
        if name in arguments:
            return find(tx, str(arguments[name]))
    return None


def owner_of(tx: Transaction, key: str) -> Subject:
    """Return the app, or the worker, that a query names; of one that is gone only its id is known.

    Raises:
        NotFound: there is none of that name.
    """
    if key.startswith(OWNER_PREFIXES):
        return Subject("app", key, key, known_app(tx, key), known_worker(tx, key))
    try:
        return _app(tx, key)
    except NotFound:
        return _worker_as_app(tx, key)


def _app(tx: Transaction, key: str) -> Subject:
    app = tx.apps.get(key)
    return Subject("app", key, app.id, app)


def _deployment(tx: Transaction, key: str) -> Subject:
    app_id = tx.deployments.get(key).app_id
    return Subject("deployment", key, app_id, known_app(tx, app_id))


def _job(tx: Transaction, key: str) -> Subject:
    owner_id = tx.jobs.get(key).app_id
    return Subject("job", key, owner_id, known_app(tx, owner_id), known_worker(tx, owner_id))


def _worker(tx: Transaction, key: str) -> Subject:
    worker = tx.workers.get(key)
    return Subject("worker", key, worker.id, worker=worker)


def _worker_as_app(tx: Transaction, key: str) -> Subject:
    try:
        worker = tx.workers.get(key)
    except NotFound:
        raise NotFound.of("app", key) from None
    return Subject("app", key, worker.id, worker=worker)


_FINDERS: Final[Mapping[str, Callable[[Transaction, str], Subject]]] = {
    "app": _app,
    "deployment": _deployment,
    "job": _job,
    "worker": _worker,
}
# They say more of what is named beside them, or are about no app at all.
QUALIFIERS: Final = frozenset(
    {"environment", "function", "guid", "invocation", "name", "number", "path", "token", "version"}
)
ARGUMENTS: Final = QUALIFIERS | _FINDERS.keys()
