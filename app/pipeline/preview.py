"""Preview: a pull request has one comment that says how its preview stands, edited in place.

The comment is found by our hidden marker and our authorship, never by its place. Level-triggered like
`publish`; nothing is written when the comment says it already.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.apps import App
from app.domain.deployments import Deployment
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.domain.pulls import PullRequest
from app.pipeline.known import known_app
from app.ports import Clock, Comments, Records, Steps, Transaction
from app.render.comment import CommentFacts, marker, render_comment


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
        deployment = _newest(tx, app_id, number)
    if pull is None or app is None or not app.is_reachable:
        return None
    facts = _facts(app, pull, deployment, to.platform, to.clock())
    digest = facts.digest()
    if pull.comment_id is not None and pull.comment_digest == digest:
        return pull.comment_id
    comment_id = _write(app, pull, render_comment(facts), to.comments)
    with to.records.begin() as tx:
        known_app(tx, app_id, lock=True)
        current = tx.pulls.get(app_id, number) or pull
        tx.pulls.save(replace(current, comment_id=comment_id, comment_digest=digest))
    return comment_id


def _newest(tx: Transaction, app_id: str, number: int) -> Deployment | None:
    found = tx.deployments.find(app_id, pull_request=number, limit=1)
    return found[0] if found else None


def _facts(
    app: App, pull: PullRequest, deployment: Deployment | None, platform: Platform, at: datetime
) -> CommentFacts:
    return CommentFacts(
        app_id=app.id,
        is_open=pull.is_open,
        is_from_fork=pull.is_from_fork,
        status=deployment.status if deployment else None,
        address=platform.addresses.of(deployment.script) if deployment else None,
        commit=deployment.commit if deployment else pull.head_commit,
        message=deployment.message if deployment else None,
        run_url=deployment.run.url if deployment else None,
        phases=dict(deployment.phases) if deployment else {},
        error=deployment.error if deployment else None,
        updated_at=at,
    )


def _write(app: App, pull: PullRequest, body: str, comments: Comments) -> int:
    name = app.repository_name
    known = pull.comment_id or comments.find(name, pull.number, marker(app.id))
    if known is not None and comments.update(name, known, body):
        return known
    return comments.create(name, pull.number, body)
