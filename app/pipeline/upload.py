"""Upload: what a run brought goes up, first under the deployment's own script, then, if it may, goes live.

From the first call on the alias is held, so that nobody else puts the same script up at the same time.
Whether it goes live is decided after the own script is up and looked at again when all is done: somebody may
have pinned the environment, or ended the deployment, meanwhile. Whatever happens, either the old or the new
code answers; when nobody can know which, a release puts up what is recorded.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from app.domain.aliases import LEASE, Alias
from app.domain.apps import App, AppStatus
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.errors import Broken, Busy, Conflict, RemoteUnavailable, ScriptRefused
from app.pipeline.known import alias_of, known_app
from app.pipeline.putting import Putter, put_up
from app.pipeline.release import request_release, request_take_down, take_down
from app.pipeline.showing import Change, Why, keep
from app.ports import Transaction

_BUSY_RETRY_SECONDS: Final = 2
_CLOSED: Final = frozenset({AppStatus.DELETING, AppStatus.DETACHED})


def go_live(deployment_id: str, bundle: Bundle, to: Putter) -> Deployment:
    """Put a bundle up for a deployment that is being deployed; the same one may be put up again.

    Raises:
        Conflict: the deployment has ended, shows another bundle, or is being put up with another one.
        Busy: somebody else is putting the environment's script up.
        ScriptRefused: Cloudflare does not take it; what was live is live still.
        RemoteUnavailable: Cloudflare does not answer; what is recorded as live will be.
    """
    digest = to.bundles.save(bundle)
    app, deployment = _claim(deployment_id, digest, to)
    with _holding(deployment, to):
        put_up(app, deployment, _own_script(deployment), digest, to)
        if not _has_its_turn(deployment, to):
            kept = _keep(app, deployment, digest, to, went_live=False)
        else:
            with _in_doubt(deployment, to):
                put_up(app, deployment, deployment.script, digest, to)
                kept = _keep(app, deployment, digest, to, went_live=True)
    _check_open(app, kept)
    return kept


def _own_script(deployment: Deployment) -> str:
    if deployment.own_script is None:
        raise Broken(f"uploading {deployment.id}: it has no script of its own")
    return deployment.own_script


def _claim(deployment_id: str, digest: str, to: Putter) -> tuple[App, Deployment]:
    """Hold the alias for this upload; what another left behind that lost its hold is put right later.

    What is about to go up is written down with it: a process that dies in the middle leaves its hold, and the
    client that sends the same bytes again need not wait for its end.
    """
    at = to.clock()
    with to.records.begin() as tx:
        app = tx.apps.get(tx.deployments.get(deployment_id).app_id, lock=True)
        deployment = tx.deployments.get(deployment_id)
        _check_open(app, deployment)
        if deployment.uploaded_at is not None and deployment.bundle != digest:
            raise Conflict(
                f"uploading to {deployment.script}: this deployment shows other code already, and goes on to",
                code="deployment:uploaded",
            )
        alias = alias_of(tx, deployment, at)
        _check_free(alias, deployment, digest, at)
        deployment = replace(deployment, bundle=digest)
        tx.deployments.save(deployment)
        held = replace(alias, holder=deployment.id, held_until=at + LEASE)
        if alias.holder is None:
            keep(tx, held)
        else:
            request_release(tx, held)
        return app, deployment


def _check_open(app: App, deployment: Deployment) -> None:
    if app.status in _CLOSED:
        raise Conflict(f"uploading to {app.name}: the app is {app.status}", code=f"app:{app.status}")
    if deployment.status is not Status.DEPLOYING:
        raise Conflict(
            f"uploading to {deployment.script}: the deployment has ended, it is {deployment.status}",
            code="deployment:ended",
        )


def _check_free(alias: Alias, deployment: Deployment, digest: str, at: datetime) -> None:
    is_ours = alias.holder == deployment.id and alias.held_until is not None and at < alias.held_until
    if is_ours and deployment.bundle != digest:
        raise Conflict(
            f"uploading to {deployment.script}: another upload of this deployment is under way",
            code="deployment:uploading",
        )
    if alias.is_held(deployment.id, at):
        raise Busy(
            f"uploading to {deployment.script}: somebody else is putting it up",
            retry_after_seconds=_BUSY_RETRY_SECONDS,
        )


def _has_its_turn(deployment: Deployment, to: Putter) -> bool:
    """Tell whether to put the environment's script up now, and hold its alias for as long again."""
    at = to.clock()
    with to.records.begin() as tx:
        app = known_app(tx, deployment.app_id, lock=True)
        alias, current = alias_of(tx, deployment, at), tx.deployments.get(deployment.id)
        is_open = app is not None and app.status not in _CLOSED and current.status is Status.DEPLOYING
        if not is_open or alias.holder != deployment.id or not _may_go_live(alias, deployment):
            return False
        keep(tx, replace(alias, held_until=at + LEASE))
        return True


def _may_go_live(alias: Alias, deployment: Deployment) -> bool:
    """Tell whether an upload goes live; one that is repeated for what is live goes there again."""
    return alias.takes(deployment.order) or (
        alias.deployment_id == deployment.id and not alias.is_pinned and alias.expired_at is None
    )


@contextmanager
def _holding(deployment: Deployment, to: Putter) -> Iterator[None]:
    """Give the alias free when an upload fails."""
    try:
        yield
    except Exception:
        _after_failure(deployment, to, in_doubt=False)
        raise


@contextmanager
def _in_doubt(deployment: Deployment, to: Putter) -> Iterator[None]:
    """Have put right what may have happened to the environment's script; a refusal changed nothing there."""
    try:
        yield
    except ScriptRefused:
        raise
    except Exception:
        _after_failure(deployment, to, in_doubt=True)
        raise


def _after_failure(deployment: Deployment, to: Putter, *, in_doubt: bool) -> None:
    # With the database away the hold ends by itself, and the end of the run asks for the release.
    with suppress(RemoteUnavailable), to.records.begin() as tx:
        known_app(tx, deployment.app_id, lock=True)
        current = tx.deployments.get(deployment.id)
        if current.uploaded_at is None:
            tx.deployments.save(replace(current, bundle=None))
        alias = tx.aliases.get(deployment.script)
        if alias is None:
            return
        free = _freed(alias, deployment)
        if in_doubt:
            request_release(tx, free)
        elif free != alias:
            keep(tx, free)


def _freed(alias: Alias, deployment: Deployment) -> Alias:
    return replace(alias, holder=None, held_until=None) if alias.holder == deployment.id else alias


def _keep(app: App, claimed: Deployment, digest: str, to: Putter, *, went_live: bool) -> Deployment:
    """Write down what is up. Who decided otherwise in the meantime is right, and put up once more."""
    at = to.clock()
    with to.records.begin() as tx:
        current = known_app(tx, app.id, lock=True)
        if current is not None and current.status is not AppStatus.DELETING:
            return _kept(tx, tx.deployments.get(claimed.id), digest, at, to, went_live=went_live)
    # The app goes with all its scripts, but perhaps without these: after its deletion no job looks for them.
    for script in (_own_script(claimed), claimed.script):
        take_down(app, claimed.namespace, script, to)
    raise Conflict(f"uploading to {app.name}: the app was deleted meanwhile", code="app:deleted")


def _kept(
    tx: Transaction, before: Deployment, digest: str, at: datetime, to: Putter, *, went_live: bool
) -> Deployment:
    alias = alias_of(tx, before, at)
    if before.status is not Status.DEPLOYING:
        request_take_down(tx, before)
        _give_back(tx, alias, before, in_doubt=went_live)
        return before
    expires_at = expiry_of(before, at, to)
    deployment = replace(
        before, bundle=digest, uploaded_at=at, updated_at=at, expires_at=expires_at, retired_at=None
    )
    tx.deployments.save(deployment)
    is_live = _may_go_live(alias, deployment)
    renewed = alias if alias.expires_at is None else replace(alias, expires_at=expires_at)
    if is_live:
        _point(tx, renewed, deployment, at, went_live=went_live)
    else:
        _give_back(tx, renewed, deployment, in_doubt=went_live)
    note(tx, deployment, at, actor="workflow", is_live=is_live)
    make_room(tx, deployment, to)
    return deployment


def _give_back(tx: Transaction, alias: Alias, deployment: Deployment, *, in_doubt: bool) -> None:
    if in_doubt:
        request_release(tx, _freed(alias, deployment))
    else:
        keep(tx, _freed(alias, deployment))


def _point(tx: Transaction, alias: Alias, deployment: Deployment, at: datetime, *, went_live: bool) -> None:
    """Point the alias at what goes live.

    A release puts it there when it was not to go live until just now, or when the hold was lost on the way.
    """
    pointed = replace(
        _freed(alias, deployment),
        deployment_id=deployment.id,
        order=max(alias.order, deployment.order),
        actor="workflow",
        updated_at=at,
        expires_at=deployment.expires_at,
        expired_at=None,
    )
    change = Change(Why.DEPLOYED, "workflow", at)
    if went_live and alias.holder == deployment.id:
        keep(tx, pointed, change)
    else:
        request_release(tx, pointed, change)


def note(tx: Transaction, deployment: Deployment, at: datetime, *, actor: str, is_live: bool) -> None:
    """Write down that a deployment went up."""
    payload = {
        "app": deployment.app_id,
        "script": deployment.own_script,
        "isLive": is_live,
        "bundle": deployment.bundle,
    }
    tx.events.append(Event(Tag.DEPLOYMENT_UPLOADED, deployment.id, actor, at, payload))


def make_room(tx: Transaction, deployment: Deployment, to: Putter) -> None:
    """Renew what a push renews, and have taken down what too many deployments have followed."""
    app_id, script = deployment.app_id, deployment.script
    if deployment.expires_at is not None:
        tx.own_scripts.renew(app_id, script, deployment.expires_at)
    elif len(tx.own_scripts.standing(app_id, script)) > to.platform.kept_deployments:
        tx.jobs.enqueue(JobType.EXPIRE, app_id, {"script": script})


def expiry_of(deployment: Deployment, at: datetime, to: Putter) -> datetime | None:
    """Return until when a preview answers; what is deployed to stay does not expire."""
    if deployment.environment is not Environment.PREVIEW:
        return None
    return at + timedelta(days=to.platform.preview_days)
