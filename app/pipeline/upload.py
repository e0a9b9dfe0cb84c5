"""Upload: what a run brought goes up, first under the deployment's own script, then, if it may, goes live.

Before the first call the alias is held, so that nobody else puts the same script up at the same time; after
the last one it says what is live. Whatever happens between the two, either the old or the new code answers,
and when nobody can know which, a release puts up what is recorded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
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
from app.errors import Broken, Busy, Conflict, ScriptRefused
from app.pipeline.known import alias_of, known_app
from app.pipeline.putting import Putter, put_up
from app.pipeline.release import request_release, request_take_down
from app.ports import Transaction

_BUSY_RETRY_SECONDS: Final = 2


def go_live(deployment_id: str, bundle: Bundle, to: Putter) -> Deployment:
    """Put a bundle up for a deployment that is being deployed; may be repeated until its run ends.

    Raises:
        Conflict: the deployment has ended, or another upload for it is under way.
        Busy: somebody else is putting the environment's script up.
        ScriptRefused: Cloudflare does not take it; what was live is live still.
        RemoteUnavailable: Cloudflare does not answer; what was recorded as live will be.
    """
    digest = to.bundles.save(bundle)
    app, deployment, goes_live = _claim(deployment_id, to)
    with _giving_back(deployment, to, goes_live=goes_live):
        own = deployment.own_script
        if own is None:
            raise Broken(f"uploading {deployment_id}: it has no script of its own")
        put_up(app, deployment, own, digest, to)
        if goes_live:
            put_up(app, deployment, deployment.script, digest, to)
        kept = _keep(deployment_id, digest, to, went_live=goes_live)
    _check_open(app, kept)
    return kept


def _claim(deployment_id: str, to: Putter) -> tuple[App, Deployment, bool]:
    """Hold the alias for this upload; tell whether it may go live as things stand."""
    at = to.clock()
    with to.records.begin() as tx:
        app = tx.apps.get(tx.deployments.get(deployment_id).app_id, lock=True)
        deployment = tx.deployments.get(deployment_id)
        _check_open(app, deployment)
        alias = alias_of(tx, deployment, at)
        _check_free(alias, deployment, at)
        tx.aliases.save(replace(alias, holder=deployment.id, held_until=at + LEASE))
        return app, deployment, _may_go_live(alias, deployment)


def _check_open(app: App, deployment: Deployment) -> None:
    if app.status in {AppStatus.DELETING, AppStatus.DETACHED}:
        raise Conflict(f"uploading to {app.name}: the app is {app.status}", code=f"app:{app.status}")
    if deployment.status is not Status.DEPLOYING:
        raise Conflict(
            f"uploading to {deployment.script}: the deployment has ended, it is {deployment.status}",
            code="deployment:ended",
        )


def _check_free(alias: Alias, deployment: Deployment, at: datetime) -> None:
    if alias.holder == deployment.id and alias.held_until is not None and at < alias.held_until:
        raise Conflict(
            f"uploading to {deployment.script}: another upload of this deployment is under way",
            code="deployment:uploading",
        )
    if alias.is_held(deployment.id, at):
        raise Busy(
            f"uploading to {deployment.script}: somebody else is putting it up",
            retry_after_seconds=_BUSY_RETRY_SECONDS,
        )


def _may_go_live(alias: Alias, deployment: Deployment) -> bool:
    """Tell whether an upload goes live; one that is repeated for what is live goes there again."""
    return alias.takes(deployment.order) or (
        alias.deployment_id == deployment.id and not alias.is_pinned and alias.expired_at is None
    )


@contextmanager
def _giving_back(deployment: Deployment, to: Putter, *, goes_live: bool) -> Iterator[None]:
    """Give the alias free when an upload fails, and have put right what may have happened to its script."""
    try:
        yield
    except ScriptRefused:
        _give_back(deployment, to, in_doubt=False)
        raise
    except Exception:
        _give_back(deployment, to, in_doubt=goes_live)
        raise


def _give_back(deployment: Deployment, to: Putter, *, in_doubt: bool) -> None:
    with to.records.begin() as tx:
        known_app(tx, deployment.app_id, lock=True)
        alias = tx.aliases.get(deployment.script)
        if alias is None or alias.holder != deployment.id:
            return
        free = replace(alias, holder=None, held_until=None)
        if in_doubt:
            request_release(tx, free)
        else:
            tx.aliases.save(free)


def _keep(deployment_id: str, digest: str, to: Putter, *, went_live: bool) -> Deployment:
    """Write down what is up. Who decided otherwise in the meantime is right, and put up once more."""
    at = to.clock()
    with to.records.begin() as tx:
        tx.apps.get(tx.deployments.get(deployment_id).app_id, lock=True)
        before = tx.deployments.get(deployment_id)
        alias = replace(alias_of(tx, before, at), holder=None, held_until=None)
        if before.status is not Status.DEPLOYING:
            _undo(tx, before, alias, went_live=went_live)
            return before
        expires_at = expiry_of(before, at, to)
        deployment = replace(
            before, bundle=digest, uploaded_at=at, updated_at=at, expires_at=expires_at, retired_at=None
        )
        tx.deployments.save(deployment)
        is_live = _point(tx, deployment, alias, at, went_live=went_live)
        _note(tx, deployment, at, is_live=is_live)
        _make_room(tx, deployment, to)
    return deployment


def _undo(tx: Transaction, ended: Deployment, alias: Alias, *, went_live: bool) -> None:
    """Have everything taken back that went up for a deployment that was ended meanwhile."""
    request_take_down(tx, ended)
    if went_live:
        request_release(tx, alias)
    else:
        tx.aliases.save(alias)


def _point(tx: Transaction, deployment: Deployment, alias: Alias, at: datetime, *, went_live: bool) -> bool:
    """Point the alias at what went live; when that was decided otherwise meanwhile, have it put right."""
    if not went_live:
        tx.aliases.save(alias)
        return False
    if not _may_go_live(alias, deployment):
        request_release(tx, alias)
        return False
    tx.aliases.save(
        replace(
            alias,
            deployment_id=deployment.id,
            order=max(alias.order, deployment.order),
            is_settled=True,
            actor="workflow",
            updated_at=at,
            expires_at=deployment.expires_at,
            expired_at=None,
        )
    )
    return True


def _note(tx: Transaction, deployment: Deployment, at: datetime, *, is_live: bool) -> None:
    payload = {
        "app": deployment.app_id,
        "script": deployment.own_script,
        "isLive": is_live,
        "bundle": deployment.bundle,
    }
    tx.events.append(Event(Tag.DEPLOYMENT_UPLOADED, deployment.id, "workflow", at, payload))


def _make_room(tx: Transaction, deployment: Deployment, to: Putter) -> None:
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
