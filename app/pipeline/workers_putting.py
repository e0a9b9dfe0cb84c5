"""Putting a worker's scripts up and taking them down, for whoever holds the worker: a request or a job."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from app.domain.jobs import Job, JobType
from app.domain.platform import Platform
from app.domain.variables import Variable
from app.domain.workers import INVOKE_KEY, Version, Worker, worker_tag, worker_tags
from app.errors import Busy, RemoteMissing
from app.pipeline import standing
from app.pipeline.standing import Place
from app.pipeline.workers_bundle import Runtime
from app.ports import (
    Bundles,
    Clock,
    Compiler,
    Endpoints,
    Limits,
    Records,
    Scripts,
    Transaction,
    Upload,
    Vault,
)

T = TypeVar("T")

# About three seconds: as long as most take that put a worker up, and less than a caller minds.
_PAUSES: Final = tuple(0.02 * 1.5**n for n in range(11))


@dataclass(frozen=True, slots=True)
class WorkerPutter:
    """The ports that putting workers up needs."""

    records: Records
    scripts: Scripts
    bundles: Bundles
    vault: Vault
    platform: Platform
    clock: Clock


@dataclass(frozen=True, slots=True)
class Workshop(WorkerPutter):
    """The ports that making versions needs; `pause` waits so many seconds."""

    compiler: Compiler
    endpoints: Endpoints
    runtime: Runtime
    entropy: random.Random
    pause: Callable[[float], object]


def in_turn(act: Callable[[], T], to: Workshop) -> T:
    """Do what takes a worker that nobody holds, and wait a little for who does. Raises Busy."""
    for pause_seconds in _PAUSES:
        try:
            return act()
        except Busy:
            to.pause(pause_seconds)
    return act()


def put_version(worker: Worker, version: Version, script: str, key: str | None, to: WorkerPutter) -> None:
    """Put a version up as `script`, its own or the worker's; may be repeated.

    Raises:
        ScriptRefused: Cloudflare does not take it; what was there before is there still.
        RemoteUnavailable: nobody knows whether it is there.
    """
    upload = Upload(
        bundle=to.bundles.load(version.bundle),
        bindings=_bindings(worker, version, key),
        tags=worker_tags(worker, version, script),
        scope=worker.id,
        limits=Limits(cpu_ms=to.platform.cpu_ms),
    )
    place = Place(worker.id, worker.namespace, script)
    try:
        standing.put(place, version.id, upload, to)
    except RemoteMissing:
        # The first script of an environment may well be a worker's.
        to.scripts.ensure_namespace(worker.namespace)
        standing.put(place, version.id, upload, to)


def take_down_script(worker: Worker, script: str, to: WorkerPutter) -> None:
    """Delete one of a worker's scripts, when it is there and its, and forget that it stood."""
    with suppress(RemoteMissing):  # no such namespace: nothing ever went up
        found = to.scripts.tags(worker.namespace, script)
        if found is not None and worker_tag(worker.slug) in found:
            standing.delete(worker.namespace, script, to)
        else:
            standing.forget(worker.namespace, [script], to)


def take_down_all(worker_id: str, slug: str, namespace: str, to: WorkerPutter) -> None:
    """Delete every script of a worker."""
    with suppress(RemoteMissing):
        standing.delete_all(worker_id, namespace, worker_tag(slug), to)


def request_settling(
    tx: Transaction, worker: Worker, *, again: str | None = None, actor: str | None = None
) -> Job:
    """Ask for a worker's scripts to be what is recorded, or for all to go when the worker is deleted.

    The script `again` is put up although it is there.
    """
    arguments = {"slug": worker.slug, "namespace": worker.namespace, "again": again}
    return tx.jobs.enqueue(JobType.SETTLE, worker.id, arguments, actor=actor)


def invoke_key(tx: Transaction, worker: Worker, vault: Vault) -> str | None:
    """Return the key that callers of a worker bear, or None. Raises SecretUnreadable."""
    for variable in tx.variables.of(worker.id, worker.environment):
        if variable.name == INVOKE_KEY:
            return vault.open(variable.place, variable.value)
    return None


def keep_invoke_key(tx: Transaction, worker: Worker, key: str | None, vault: Vault) -> None:
    """Keep the key that callers bear from now on, encrypted as apps' secrets are; None lets it go."""
    if key is None:
        tx.variables.remove(worker.id, worker.environment, INVOKE_KEY)
        return
    empty = Variable(
        app_id=worker.id,
        environment=worker.environment,
        name=INVOKE_KEY,
        value="",
        is_secret=True,
        updated_at=worker.updated_at,
        actor=worker.actor,
    )
    tx.variables.save(replace(empty, value=vault.seal(empty.place, key)))


def _bindings(worker: Worker, version: Version, key: str | None) -> list[dict[str, Any]]:
    told = {"BRANCHLINE_ENVIRONMENT": worker.environment.value, "BRANCHLINE_DEPLOYMENT": version.id}
    found = [{"type": "plain_text", "name": name, "text": text} for name, text in told.items()]
    if version.options.has_invoke_key and key is not None:
        found.append({"type": "secret_text", "name": INVOKE_KEY, "text": key})
    return found
