"""Preview: a pull request has one comment that says how its preview stands, edited in place.

The comment is found by our hidden marker and our authorship, never by its place. Level-triggered like
`publish`; nothing is written when the comment says it already.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.names import script_name
from app.domain.platform import Platform
from app.domain.pulls import PullRequest
from app.pipeline.known import known_app, live, origin_of
from app.ports import Clock, Comments, Records, Steps, Transaction
from app.render.comment import CommentFacts, ForkFacts, Promotion, marker, render_comment
from app.render.text import by_whom


@dataclass(frozen=True, slots=True)
class Previewer:
    """The ports that a preview's comment needs."""

    records: Records
    comments: Comments
    platform: Platform
    clock: Clock


def preview(job: Job, steps: Steps, to: Previewer) -> dict[str, Any]:
    """Bring the comment on the job's pull request up to date."""
    number = job.arguments["pull_request"]
    comment_id = steps.run("write comment", lambda: write_comment(job.app_id, number, to))
    return {"pullRequest": number, "comment": comment_id}


def write_comment(app_id: str, number: int, to: Previewer) -> int | None:
    """Write or edit the comment; returns its id, or None when there is nobody to tell."""
    with to.records.read() as tx:
        app, pull = known_app(tx, app_id), tx.pulls.get(app_id, number)
        if pull is None or app is None or not app.is_reachable:
            return None
        facts = _facts(tx, app, pull, to.platform, to.clock())
    digest = facts.digest()
    if pull.comment_id is not None and pull.comment_digest == digest:
        return pull.comment_id
    comment_id = _write(app, pull, render_comment(facts), to.comments)
    with to.records.begin() as tx:
        known_app(tx, app_id, lock=True)
        current = tx.pulls.get(app_id, number) or pull
        tx.pulls.save(replace(current, comment_id=comment_id, comment_digest=digest))
    return comment_id


def _facts(tx: Transaction, app: App, pull: PullRequest, platform: Platform, at: datetime) -> CommentFacts:
    found = tx.deployments.find(app.id, pull_request=pull.number, limit=1)
    facts = CommentFacts(
        app_id=app.id,
        is_open=pull.is_open,
        status=None,
        address=None,
        commit=pull.head_commit,
        message=None,
        run_url=None,
        phases={},
        error=None,
        updated_at=at,
        promotions=_promotions(tx, app, pull),
    )
    if found:
        facts = _with_deployment(tx, facts, found[0], platform)
    return replace(facts, fork=_fork(tx, pull, facts.shown)) if pull.is_from_fork else facts


def _with_deployment(
    tx: Transaction, facts: CommentFacts, newest: Deployment, platform: Platform
) -> CommentFacts:
    """Return the facts with what is known of the newest deployment and of what its preview shows."""
    alias, shown = tx.aliases.get(newest.script), live(tx, newest.script)
    own = newest.own_script if newest.has_own_address and newest.status is Status.READY else None
    return replace(
        facts,
        status=newest.status,
        address=platform.addresses.of(newest.script),
        commit=newest.commit,
        message=newest.message,
        run_url=newest.run.url,
        phases=dict(newest.phases),
        error=newest.error,
        shown=shown.commit if shown and shown.status is Status.READY else None,
        own_url=platform.addresses.of(own).url if own else None,
        pinned_by=by_whom(alias.actor) if alias and alias.is_pinned else None,
        has_expired=alias is not None and alias.expired_at is not None,
        expires_on=_day(alias) if shown else None,
    )


def _fork(tx: Transaction, pull: PullRequest, shown: str | None) -> ForkFacts:
    """Return what is known of a fork's pull request beside what is deployed of it."""
    return ForkFacts(
        head=pull.head_commit,
        approved_by=_approver(tx, pull, pull.head_commit),
        shown_by=_approver(tx, pull, shown) if shown else None,
        refusal=pull.refusal if pull.refused_commit == pull.head_commit else None,
    )


def _approver(tx: Transaction, pull: PullRequest, commit: str) -> str | None:
    approval = tx.approvals.get(pull.app_id, pull.number, commit)
    return by_whom(approval.actor) if approval else None


def _day(alias: Alias | None) -> str | None:
    return f"{alias.expires_at:%Y-%m-%d}" if alias and alias.expires_at else None


def _promotions(tx: Transaction, app: App, pull: PullRequest) -> list[Promotion]:
    """Return the newest promotion of the pull request to each environment."""
    found = list[Promotion]()
    for environment in (Environment.STAGING, Environment.PRODUCTION):
        script = script_name(app.slug, environment)
        ready = tx.deployments.find(app.id, script=script, statuses=frozenset({Status.READY}))
        ours = (it for it in ready if it.promoted_from and _is_of(tx, it, pull))
        newest = max(ours, key=lambda it: (it.created_at, it.id), default=None)
        if newest is not None:
            live_now = live(tx, script)
            is_live = live_now is not None and live_now.id == newest.id
            found.append(Promotion(environment, by_whom(newest.actor), newest.commit, is_live))
    return found


def _is_of(tx: Transaction, deployment: Deployment, pull: PullRequest) -> bool:
    return origin_of(tx, deployment).pull_request == pull.number


def _write(app: App, pull: PullRequest, body: str, comments: Comments) -> int:
    name = app.repository_name
    known = pull.comment_id or comments.find(name, pull.number, marker(app.id))
    if known is not None and comments.update(name, known, body):
        return known
    return comments.create(name, pull.number, body)
