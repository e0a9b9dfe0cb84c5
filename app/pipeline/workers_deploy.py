"""Deploy a worker: its author's files become a version, which goes up, tells its functions, and goes live.

    compile ─▶ hold the worker ─▶ own address ─▶ ask it for its functions ─▶ the worker's address ─▶ record

Synchronous: what this returns from answers. Until the last step whatever was live stays live, and when nobody
can know what went up, a job puts up what is recorded (`workers_settle`).
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.names import check_app_name, new_id, new_slug, own_script_name
from app.domain.sources import Source
from app.domain.workers import Options, Version, Worker, check_function_names, check_options
from app.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    RemoteUnavailable,
    ScriptRefused,
    TooLarge,
    Unprocessable,
)
from app.pipeline import standing
from app.pipeline.standing import Place
from app.pipeline.workers_bundle import keep_bundle
from app.pipeline.workers_hold import check_holder, give_back, keep_hold, take_hold
from app.pipeline.workers_putting import (
    WorkerPutter,
    Workshop,
    in_turn,
    invoke_key,
    keep_invoke_key,
    put_version,
    request_settling,
)
from app.pipeline.workers_sources import check_sources, keep_sources
from app.ports import Transaction

_TOO_LARGE = 413


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment came to; `key` is what callers bear from now on, when it is new."""

    worker: Worker
    version: Version
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Material:
    """What a version is made of, in the bundle store, and all names that its module exports."""

    bundle: str
    source: str
    options: Options
    actor: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """A worker, held for a version that is about to go up. `key` is the one that its callers bear."""

    worker: Worker
    version: Version
    key: str | None
    is_new_key: bool


def create_worker(
    name: str,
    files: Sequence[Source],
    environment: Environment,
    options: Options,
    *,
    actor: str,
    to: Workshop,
    owner_id: str | None = None,
) -> Deployed:
    """Make a worker of an author's files; it is a person's, or the operator's.

    Raises:
        InvalidInput, TooLarge, Unprocessable: name, files or options are not acceptable, the code does not
            compile or start, or exports no function. There is no worker then.
        Conflict: the name is taken.
        RemoteUnavailable: Cloudflare does not answer; asking again is safe.
    """
    _check_name(name)
    material = _prepare(files, options, actor, to)
    at = to.clock()
    with to.records.begin() as tx:
        worker = _unborn(tx, name, environment, owner_id, at)
        if worker is None:
            worker = replace(_new_worker(name, environment, actor, at, to), owner_id=owner_id)
            tx.workers.add(worker)
        claim = _claim(tx, worker, material, at, to)
    return _deploy(claim, to)


def update_worker(
    key: str,
    files: Sequence[Source],
    change: Callable[[Options], Options],
    *,
    actor: str,
    to: Workshop,
    replaces: str | None = None,
) -> Deployed:
    """Make a new version of a worker, which its address shows from now on; an expired one answers again.

    `change` makes its options of those of the version before. With `replaces`, the version that its author
    has seen, nothing is put up over another one. Raises as `create_worker` does, NotFound, and Conflict over
    a version that the author has not seen; whatever was live stays.
    """
    with to.records.read() as tx:
        worker = tx.workers.get(key)
        _check_seen(tx, worker, replaces)
        known = tx.versions.get(worker.version_id).options if worker.version_id else Options()
    material = _prepare(files, change(known), actor, to)

    def claim() -> _Claim:
        with to.records.begin() as tx:
            held = tx.workers.get(worker.id, lock=True)
            _check_seen(tx, held, replaces)
            return _claim(tx, held, material, to.clock(), to)

    return _deploy(in_turn(claim, to), to)


# ------------------------------------------------------------------------------------------------- prepare


def _check_name(name: str) -> None:
    try:
        check_app_name(name)
    except InvalidInput as error:
        raise InvalidInput(
            error.message.replace("naming app", "naming worker", 1), code="worker:invalid-name"
        ) from None


def _prepare(files: Sequence[Source], options: Options, actor: str, to: Workshop) -> _Material:
    """Compile, and keep everything that putting it up will need."""
    check_options(options)
    compiled = to.compiler.compile(check_sources(files))
    if not compiled.exports:
        check_function_names(())
    return _Material(
        bundle=keep_bundle(compiled.code, options, to.runtime, to.bundles, to.clock()),
        source=keep_sources(files, to.bundles),
        options=options,
        actor=actor,
    )


# --------------------------------------------------------------------------------------------------- claim


def _check_seen(tx: Transaction, worker: Worker, replaces: str | None) -> None:
    """Let a worker be changed by who has seen what is live. Raises Conflict, which says what that is."""
    if replaces is None or worker.version_id in {None, replaces}:
        return
    live = tx.versions.get(str(worker.version_id))
    raise Conflict(
        f"deploying {worker.name}: version {live.number} by {live.actor} went live meanwhile",
        code="worker:changed",
        version=live.id,
        number=live.number,
        actor=live.actor,
    )


def _unborn(
    tx: Transaction, name: str, environment: Environment, owner_id: str | None, at: datetime
) -> Worker | None:
    """Return a worker of that name and owner of which nothing ever went up: asking again is asking for it."""
    with suppress(NotFound):
        found = tx.workers.get(name, lock=True)
        is_same = (found.name, found.environment, found.owner_id) == (name, environment, owner_id)
        if is_same and found.version_id is None and not found.is_held("", at):
            return found
    return None


def _new_worker(name: str, environment: Environment, actor: str, at: datetime, to: Workshop) -> Worker:
    return Worker(
        id=new_id("wrk", at),
        slug=new_slug(to.entropy),
        name=name,
        environment=environment,
        namespace=to.platform.namespace_of(environment),
        actor=actor,
        created_at=at,
        updated_at=at,
    )


def _claim(tx: Transaction, worker: Worker, material: _Material, at: datetime, to: Workshop) -> _Claim:
    """Hold a worker for a new version. Raises Busy."""
    version_id = new_id("ver", at)
    version = Version(
        id=version_id,
        worker_id=worker.id,
        number=worker.newest + 1,
        bundle=material.bundle,
        source=material.source,
        own_script=own_script_name(worker.slug, worker.environment, version_id),
        created_at=at,
        actor=material.actor,
        options=material.options,
    )
    held = replace(
        take_hold(tx, worker, version_id, at),
        namespace=to.platform.namespace_of(worker.environment),
        newest=version.number,
        error=None,
    )
    tx.workers.save(held)
    tx.versions.add(version)
    if not material.options.has_invoke_key:
        return _Claim(held, version, key=None, is_new_key=False)
    key = invoke_key(tx, worker, to.vault)
    return _Claim(held, version, key or secrets.token_urlsafe(32), is_new_key=key is None)


# --------------------------------------------------------------------------------------------------- go live


def _deploy(claim: _Claim, to: Workshop) -> Deployed:
    worker, version, key = claim.worker, claim.version, claim.key
    with _giving_back(claim, to):
        with _authors_words(worker):
            put_version(worker, version, version.own_script, key, to)
        names = tuple(to.endpoints.functions(version.own_script, key))
        version = replace(version, functions=check_function_names(names))
        keep_hold(worker.id, version.id, to)
        with _authors_words(worker):
            put_version(worker, version, worker.script, key, to)
        return _record(claim, version, to)


@contextmanager
def _authors_words(worker: Worker) -> Iterator[None]:
    """Say to the author what Cloudflare says against a script."""
    try:
        yield
    except ScriptRefused as error:
        _, _, reason = error.message.partition(": ")
        if error.details.get("status") == _TOO_LARGE:
            raise TooLarge(f"starting {worker.name}: {reason}", code="worker:too-large") from error
        raise Unprocessable(f"starting {worker.name}: {reason}", code="worker:does-not-start") from error


@contextmanager
def _giving_back(claim: _Claim, to: WorkerPutter) -> Iterator[None]:
    """Give the worker free when a version does not go live, and have put right what is up of it."""
    try:
        yield
    except Exception as error:
        # With the database away the hold ends by itself, and is noticed then.
        with suppress(RemoteUnavailable), to.records.begin() as tx:
            _give_back(tx, claim, error)
        raise


def _give_back(tx: Transaction, claim: _Claim, error: Exception) -> None:
    with suppress(NotFound):
        worker = tx.workers.get(claim.worker.id, lock=True)
        if worker.version_id is None and worker.holder in {None, claim.version.id}:
            _say_why(tx, worker, error)
    give_back(tx, claim.worker, claim.version.id)


def _say_why(tx: Transaction, worker: Worker, error: Exception) -> None:
    """Say why nothing ever went up of a worker; it goes when its author has to change something."""
    if isinstance(error, Unprocessable | TooLarge):
        forget_worker(tx, worker)
    else:
        tx.workers.save(replace(worker, error=str(error)))


def forget_worker(tx: Transaction, worker: Worker) -> None:
    """Let go of a worker and all that is known of it; its slug stays taken until its scripts are gone."""
    tx.versions.remove([version.id for version in tx.versions.of(worker.id)])
    tx.variables.forget(worker.id)
    tx.calls.forget(worker.id)
    tx.workers.remove(worker.id)


# ---------------------------------------------------------------------------------------------------- record


def _record(claim: _Claim, version: Version, to: Workshop) -> Deployed:
    """Write down what is live."""
    at = to.clock()
    with to.records.begin() as tx:
        worker = tx.workers.get(claim.worker.id, lock=True)
        check_holder(worker, version.id)
        version = replace(version, uploaded_at=at)
        tx.versions.save(version)
        was_down = worker.expired_at is not None
        worker = live_worker(worker, version, at, to)
        tx.workers.save(worker)
        if claim.is_new_key or claim.key is None:
            keep_invoke_key(tx, worker, claim.key, to.vault)
        if _retire_old(tx, worker, at, to) or was_down:
            request_settling(tx, worker, actor=version.actor)
        _write_down(tx, worker, version, at)
    return Deployed(worker, version, claim.key if claim.is_new_key else None)


def live_worker(worker: Worker, version: Version, at: datetime, to: WorkerPutter) -> Worker:
    """Return a worker whose address shows a version, held by nobody; its time begins anew."""
    return replace(
        worker.freed(),
        version_id=version.id,
        updated_at=at,
        is_settled=True,
        expires_at=expiry_of(worker, at, to),
        expired_at=None,
        error=None,
    )


def expiry_of(worker: Worker, at: datetime, to: WorkerPutter) -> datetime | None:
    """Return until when a worker answers; one that is kept does not expire."""
    return None if worker.is_kept else at + timedelta(days=to.platform.preview_days)


def _retire_old(tx: Transaction, worker: Worker, at: datetime, to: WorkerPutter) -> bool:
    """Mark the versions that too many others have followed; their bytes stay.

    A job takes down what is known to stand: that is said here too of what a process put up and ended.
    """
    up = [it for it in tx.versions.of(worker.id) if it.has_own_address]
    old = [it for it in up[to.platform.kept_deployments :] if it.id != worker.version_id]
    for version in old:
        tx.versions.save(replace(version, retired_at=at))
        standing.presume(tx, Place(worker.id, worker.namespace, version.own_script), version.id, at)
    return bool(old)


def _write_down(tx: Transaction, worker: Worker, version: Version, at: datetime) -> None:
    payload = {
        "version": version.id,
        "number": version.number,
        "script": version.own_script,
        "bundle": version.bundle,
    }
    tx.events.append(Event(Tag.WORKER_DEPLOYED, worker.id, version.actor, at, payload))
