"""Release: an alias's script is what the alias says.

Level-triggered: a release carries no news but the alias's name, and puts up whatever the alias points to when
it comes to it, with the variables and secrets of that moment. So it serves a rollback, a promotion, a changed
secret, and an upload that ended in doubt; two of them at once, or one twice, end alike, and of ten that wait
the first does the work of all.

Whoever puts a script up holds its alias. Whoever finds afterwards that the hold was lost, or that something
else was asked for meanwhile, puts it up again: the last to put is always one who looks again.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from app.domain.aliases import LEASE, Alias
from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment, Status, app_tag
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.errors import Busy, RemoteRefused, RemoteUnavailable, ScriptRefused
from app.pipeline import standing
from app.pipeline.known import alias_of, known_app
from app.pipeline.move import tell_again
from app.pipeline.putting import Putter, put_up
from app.pipeline.showing import Change, Why, keep
from app.ports import Steps, Transaction

# Together longer than an upload may hold an alias: a hold for its own script, and one for the alias.
_PAUSES: Final = tuple(min(0.25 * 1.5**n, 5.0) for n in range(60))
_MAY_ANSWER: Final = frozenset({Status.DEPLOYING, Status.READY})


def show(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """Write down that an alias shows what a run put up by itself, unless it was overtaken or is pinned."""
    alias = alias_of(tx, deployment, at)
    if alias.takes(deployment.order):
        shown = replace(
            alias,
            deployment_id=deployment.id,
            order=deployment.order,
            actor="workflow",
            updated_at=at,
            expired_at=None,
        )
        keep(tx, shown, Change(Why.DEPLOYED, "workflow", at))


def request_release(
    tx: Transaction,
    alias: Alias,
    change: Change | None = None,
    *,
    before: Alias | None = None,
    actor: str | None = None,
) -> Job:
    """Keep an alias as it is meant to be from now on, and ask for its script to be brought in line.

    `change` says why it is to show something else, if it is. It goes back to what it was `before` when
    Cloudflare does not take what it points to now. `actor` is whose act the release is.
    """
    keep(tx, replace(alias, is_settled=False), change)
    return ask_for_release(tx, alias, before=before, actor=actor)


def ask_for_release(
    tx: Transaction, alias: Alias, *, before: Alias | None = None, actor: str | None = None
) -> Job:
    """Ask for a look at whether an alias's script is in line; when it is, nothing is put up."""
    arguments: dict[str, Any] = {"script": alias.script}
    if before is not None:
        arguments["before"] = before_as_json(before)
    return tx.jobs.enqueue(JobType.RELEASE, alias.app_id, arguments, actor=actor)


def before_as_json(alias: Alias) -> dict[str, Any]:
    """Return what an alias says as a job's argument, for `go_back`."""
    return {
        "deployment": alias.deployment_id,
        "order": list(alias.order),
        "isPinned": alias.is_pinned,
        "actor": alias.actor,
    }


def repair(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """Have put right what an upload left behind whose deployment ended in the middle of it."""
    alias = alias_of(tx, deployment, at)
    if alias.holder == deployment.id:
        request_release(tx, alias)
    request_take_down(tx, deployment)


def request_take_down(tx: Transaction, deployment: Deployment) -> None:
    """Ask for a deployment's own script to be taken down, if the deployment is not to answer any more."""
    tx.jobs.enqueue(JobType.EXPIRE, deployment.app_id, {"deployment": deployment.id})


def release(job: Job, steps: Steps, to: Putter) -> dict[str, Any]:
    """Bring an alias's script in line with the alias; tells what it shows then."""
    script = job.arguments["script"]
    bring_in_line(job, script, steps, to)
    return {"script": script, "deployment": steps.run("see what is live", lambda: _shown_id(script, to))}


def bring_in_line(job: Job, script: str, steps: Steps, to: Putter) -> None:
    """Put up what an alias points to, unless it is there.

    Raises:
        ScriptRefused: Cloudflare does not take it; the alias says again what it said before.
        RemoteRefused: others kept putting it up for too long.
    """
    for pause_seconds in _PAUSES:
        if steps.run("put up", lambda: _try(job, script, to)):
            return
        steps.sleep(pause_seconds)
    raise RemoteRefused(
        f"releasing {script}: others kept putting it up; it shows what they put up",
        code="release:no-turn",
        script=script,
    )


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a job found when it took hold of an alias."""

    app: App
    alias: Alias
    shown: Deployment | None


def _try(job: Job, script: str, to: Putter) -> bool:
    """Put up what the alias points to; False when it is not one's turn, or was asked for again."""
    try:
        turn = _take_turn(job, script, to)
    except Busy:
        return False
    if turn is None:
        return True
    with _giving_back(job, turn, to):
        _put(turn, to)
    return _settle(job, turn, to)


def _take_turn(job: Job, script: str, to: Putter) -> _Turn | None:
    """Hold the alias for this job; None when there is nothing to do. Raises Busy.

    The alias is called settled at once: who asks for another release from now on says that it is not.
    """
    at = to.clock()
    with to.records.begin() as tx:
        app, alias = known_app(tx, job.app_id, lock=True), tx.aliases.get(script)
        if app is None or alias is None or app.status is AppStatus.DELETING:
            return None
        if alias.is_held(job.id, at):
            raise Busy(f"releasing {script}: somebody else is putting it up", retry_after_seconds=1)
        if alias.is_in_line:
            _tell(tx, job, alias)
            return None
        alias = replace(alias, holder=job.id, held_until=at + LEASE, is_settled=True)
        keep(tx, alias)
        return _Turn(app, alias, _shown(tx, alias))


def _shown(tx: Transaction, alias: Alias) -> Deployment | None:
    """Return what an alias is to show; None when it is to show nothing any more, or nothing yet."""
    is_empty = alias.deployment_id is None or alias.expired_at is not None
    return None if is_empty else tx.deployments.get(alias.deployment_id or "")


def _put(turn: _Turn, to: Putter) -> None:
    """Put the alias's script up, or take it down; what was stopped or removed is for others to take down."""
    shown = turn.shown
    if shown is None:
        take_down(turn.app, turn.alias.namespace, turn.alias.script, to)
    elif shown.bundle is not None and shown.status in _MAY_ANSWER:
        put_up(turn.app, shown, turn.alias.script, shown.bundle, to)


def take_down(app: App, namespace: str, script: str, to: Putter) -> bool:
    """Delete a script that is not to answer, when it is this app's; tell whether it was there."""
    found = to.scripts.tags(namespace, script)
    if found is None:
        standing.forget(namespace, [script], to)
    if found is None or app_tag(app.slug) not in found:
        return False
    return standing.delete(namespace, script, to)


@contextmanager
def _giving_back(job: Job, turn: _Turn, to: Putter) -> Iterator[None]:
    """Give the alias free when its script could not be put up, and say that it is not in line."""
    try:
        yield
    except ScriptRefused:
        _be_refused(job, turn, to)
        raise
    except Exception:
        with suppress(RemoteUnavailable):  # else the hold ends by itself
            _give_back(job, turn, to)
        raise


def _give_back(job: Job, turn: _Turn, to: Putter) -> None:
    with to.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        alias = tx.aliases.get(turn.alias.script)
        if alias is not None and alias.holder == job.id:
            keep(tx, replace(alias, is_settled=False, holder=None, held_until=None))


def _be_refused(job: Job, turn: _Turn, to: Putter) -> None:
    """Give the alias free, and let it go back when it still says what was refused."""
    at = to.clock()
    with to.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        alias = tx.aliases.get(turn.alias.script)
        if alias is None or alias.holder != job.id:
            return
        free = replace(alias, is_settled=False, holder=None, held_until=None)
        keep(tx, free)
        if _same(alias, turn):
            go_back(tx, free, job, at)


def go_back(tx: Transaction, alias: Alias, job: Job, at: datetime) -> None:
    """Let an alias say again what it said before a job was asked for, and have that put up.

    What was stopped or removed in the meantime it does not go back to.
    """
    before = job.arguments.get("before")
    if before is None or before["deployment"] == alias.deployment_id:
        return
    earlier = tx.deployments.get(before["deployment"]) if before["deployment"] is not None else None
    if earlier is not None and earlier.status not in _MAY_ANSWER:
        return
    number, attempt = before["order"]
    back = replace(
        alias,
        deployment_id=before["deployment"],
        order=(number, attempt),
        is_pinned=before["isPinned"],
        actor=before["actor"],
    )
    request_release(tx, back, Change(Why.REFUSED, job.id, at))


def _settle(job: Job, turn: _Turn, to: Putter) -> bool:
    """Give the alias free when nothing else was asked for; False when it is to be put up once more."""
    at = to.clock()
    with to.records.begin() as tx:
        app, alias = known_app(tx, job.app_id, lock=True), tx.aliases.get(turn.alias.script)
        is_gone = app is None or alias is None or app.status is AppStatus.DELETING
        if alias is not None and not is_gone:
            if alias.holder != job.id:
                keep(tx, replace(alias, is_settled=False))  # the hold was lost: who came first?
                return False
            if not (alias.is_settled and _same(alias, turn)):
                return False
            keep(tx, replace(alias, holder=None, held_until=None))
            _write_down(tx, job, alias, at)
    if is_gone:
        take_down(turn.app, turn.alias.namespace, turn.alias.script, to)
    return True


def _same(alias: Alias, turn: _Turn) -> bool:
    put = turn.alias
    return (alias.deployment_id, alias.expired_at) == (put.deployment_id, put.expired_at)


def _write_down(tx: Transaction, job: Job, alias: Alias, at: datetime) -> None:
    payload = {
        "environment": alias.environment,
        "script": alias.script,
        "deployment": None if alias.expired_at else alias.deployment_id,
    }
    tx.events.append(Event(Tag.ENVIRONMENT_RELEASED, alias.app_id, job.id, at, payload))
    _tell(tx, job, alias)


def _tell(tx: Transaction, job: Job, alias: Alias) -> None:
    """Have the outside told of what is live since a decision, and of what is not any more."""
    before = job.arguments.get("before")
    if before is None:
        return
    for deployment_id in dict.fromkeys((before["deployment"], alias.deployment_id)):
        if deployment_id is not None:
            tell_again(tx, tx.deployments.get(deployment_id))


def _shown_id(script: str, to: Putter) -> str | None:
    with to.records.read() as tx:
        alias = tx.aliases.get(script)
    return None if alias is None or alias.expired_at is not None else alias.deployment_id
