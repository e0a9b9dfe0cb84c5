"""Release: an alias's script is what the alias says.

Level-triggered: a release carries no news but the alias's name, and puts up whatever the alias points to when
it comes to it, with the variables and secrets of that moment. So it serves a rollback, a promotion, a changed
secret, and an upload that ended in doubt; two of them at once, or one twice, end alike.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from app.domain.aliases import LEASE, Alias
from app.domain.apps import App
from app.domain.deployments import Deployment, app_tag
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.domain.platform import Platform
from app.errors import RemoteRefused
from app.pipeline.known import alias_of, known_app
from app.pipeline.putting import Putter, put_up
from app.ports import Publications, Steps, Transaction

_TURNS: Final = 240
_TURN_PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Releaser:
    """The ports that a release needs."""

    putter: Putter
    publications: Publications

    @property
    def platform(self) -> Platform:
        """The platform."""
        return self.putter.platform


def show(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """Write down that an alias shows this deployment, unless it was overtaken or the alias is pinned."""
    alias = alias_of(tx, deployment, at)
    if alias.takes(deployment.order):
        tx.aliases.save(
            replace(
                alias,
                deployment_id=deployment.id,
                order=deployment.order,
                actor="workflow",
                updated_at=at,
                expired_at=None,
            )
        )


def request_release(tx: Transaction, alias: Alias) -> Job:
    """Keep an alias as it is meant to be from now on, and ask for its script to be brought in line."""
    tx.aliases.save(replace(alias, is_settled=False))
    return tx.jobs.enqueue(JobType.RELEASE, alias.app_id, {"script": alias.script})


def repair(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """Have put right what an upload left behind whose deployment ended in the middle of it."""
    alias = alias_of(tx, deployment, at)
    if alias.holder == deployment.id:
        request_release(tx, alias)
    request_take_down(tx, deployment)


def request_take_down(tx: Transaction, deployment: Deployment) -> None:
    """Ask for a deployment's own script to be taken down, if the deployment is not to answer any more."""
    tx.jobs.enqueue(JobType.EXPIRE, deployment.app_id, {"deployment": deployment.id})


def release(job: Job, steps: Steps, to: Releaser) -> dict[str, Any]:
    """Bring an alias's script in line with the alias."""
    script = job.arguments["script"]
    for _ in range(_TURNS):
        if steps.run("take turn", lambda: _take_turn(job, script, to.putter)):
            break
        steps.sleep(_TURN_PAUSE_SECONDS)
    else:
        raise RemoteRefused(
            f"releasing {script}: others kept putting it up for a minute",
            code="release:no-turn",
            script=script,
        )
    shown = steps.run("put up", lambda: _put_up(job, script, to.putter))
    return {"script": script, "deployment": shown}


def _take_turn(job: Job, script: str, to: Putter) -> bool:
    """Hold the alias for this job; False while somebody else is putting its script up."""
    at = to.clock()
    with to.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        alias = tx.aliases.get(script)
        if alias is None:
            return True
        if alias.is_held(job.id, at):
            return False
        tx.aliases.save(replace(alias, holder=job.id, held_until=at + LEASE))
    return True


def _put_up(job: Job, script: str, to: Putter) -> str | None:
    """Put up what the alias points to, again when it was pointed elsewhere meanwhile."""
    while True:
        with to.records.read() as tx:
            app, alias = known_app(tx, job.app_id), tx.aliases.get(script)
            shown = tx.deployments.get(alias.deployment_id) if alias and alias.deployment_id else None
        if app is None or alias is None:
            return None
        _put(app, alias, shown, to)
        if _settled(job, alias, to):
            return shown.id if shown else None


def _put(app: App, alias: Alias, shown: Deployment | None, to: Putter) -> None:
    if shown is not None and shown.bundle is not None and alias.expired_at is None:
        put_up(app, shown, alias.script, shown.bundle, to)
    elif shown is None or alias.expired_at is not None:
        _take_down(app, alias, to)


def _take_down(app: App, alias: Alias, to: Putter) -> None:
    """Delete what an upload left of a script that shows nothing, when it is this app's."""
    found = to.scripts.tags(alias.namespace, alias.script)
    if found is not None and app_tag(app.slug) in found:
        to.scripts.delete(alias.namespace, alias.script)


def _settled(job: Job, put: Alias, to: Putter) -> bool:
    """Give the alias free when it still says what was put up; False when it says something else by now."""
    at = to.clock()
    with to.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        alias = tx.aliases.get(put.script)
        if alias is None:
            return True
        meant = (alias.deployment_id, alias.expired_at, alias.updated_at)
        if meant != (put.deployment_id, put.expired_at, put.updated_at):
            return False
        tx.aliases.save(replace(alias, is_settled=True, holder=None, held_until=None))
        payload = {"app": alias.app_id, "script": alias.script, "deployment": alias.deployment_id}
        tx.events.append(Event(Tag.ENVIRONMENT_RELEASED, alias.app_id, job.id, at, payload))
    return True
