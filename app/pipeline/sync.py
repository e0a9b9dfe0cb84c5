"""Sync: an app takes the new commits of where it came from: its template, or what it was imported from.

A job. What gets along is merged into the default branch, and is a push like any other from then on; what
does not becomes a pull request, whose branch nobody but people writes to. That there was nothing new is said.
"""

from dataclasses import dataclass
from typing import Any, Final

from app.domain.apps import App, Repository
from app.domain.events import Event, Tag
from app.domain.git_addresses import GitAddress
from app.domain.jobs import Job, JobType
from app.errors import RemoteConflict, RemoteRefused, RemoteUnavailable
from app.pipeline.reach import reached_app, repository_of
from app.ports import (
    Clock,
    Histories,
    Merged,
    MergeOutcome,
    Proposals,
    Records,
    Repositories,
    Steps,
    Transaction,
    Upstreams,
)

_ASIDE: Final = "branchline/sync"
_BODY: Final = """\
The new commits of {upstream} change what this app has changed too.

Merge `{branch}` into `{aside}`, resolve what conflicts, push, and merge this pull request.
"""


@dataclass(frozen=True, slots=True)
class Syncer:
    """The ports and values that taking new commits needs; `template` is what apps are made from."""

    records: Records
    repositories: Repositories
    upstreams: Upstreams
    histories: Histories
    proposals: Proposals
    clock: Clock
    template: str
    trusted_origins: tuple[str, ...] = ()


def request_sync(tx: Transaction, key: str, *, actor: str) -> Job:
    """Ask for the new commits of where an app came from. Raises NotFound, and Conflict when out of reach."""
    return tx.jobs.enqueue(JobType.SYNC, reached_app(tx, key).id, {"actor": actor}, actor=actor)


def run_sync(job: Job, steps: Steps, to: Syncer) -> dict[str, Any]:
    """Merge, or propose; returns what came of it, and from where."""
    with to.records.read() as tx:
        app = reached_app(tx, job.app_id)
    result: dict[str, Any] = steps.run("merge", lambda: _merge(app, to))
    if result["aside"] is not None:
        result["pullRequest"] = steps.run("open pull request", lambda: _propose(app, result, to))
    if result["outcome"] != MergeOutcome.UP_TO_DATE:
        steps.run("write it down", lambda: _note_once(app, result, job, to))
    return result


def _merge(app: App, to: Syncer) -> dict[str, Any]:
    kept = repository_of(app)
    now = to.repositories.find(kept.full_name)
    if now is None:
        raise RemoteRefused(f"syncing {app.name}: its repository is out of reach", code="repository:lost")
    upstream, merged = _merged(app, kept, now, to)
    return {
        "outcome": merged.outcome.value,
        "branch": now.default_branch,
        "commit": merged.commit,
        "upstream": {"repository": upstream, "commit": merged.upstream},
        "aside": merged.aside,
        "pullRequest": None,
    }


def _merged(app: App, kept: Repository, now: Repository, to: Syncer) -> tuple[str, Merged]:
    """Merge what is new, and return the name of where it is from."""
    branch = now.default_branch
    if now.is_fork and now.parent_full_name is not None:
        return now.parent_full_name, to.upstreams.merge_parent(now, branch, aside=_ASIDE)
    try:
        if kept.imported_from is not None:
            source = GitAddress.parse(kept.imported_from, to.trusted_origins)
            return source.url, to.histories.merge(source, now, branch, aside=_ASIDE)
        template = _template(app, now, to)
        return template.full_name, to.histories.merge(template, now, branch, aside=_ASIDE)
    except RemoteConflict as error:
        # Somebody pushed meanwhile: another look is all that it takes.
        raise RemoteUnavailable(error.message) from error


def _template(app: App, now: Repository, to: Syncer) -> Repository:
    found = None if now.is_fork else to.repositories.find(to.template)
    if found is None:
        raise RemoteRefused(
            f"syncing {app.name}: where its repository came from is not there any more",
            code="sync:no-upstream",
        )
    return found


def _propose(app: App, result: dict[str, Any], to: Syncer) -> dict[str, Any]:
    upstream, aside, branch = result["upstream"], result["aside"], result["branch"]
    proposal = to.proposals.open(
        repository_of(app).full_name,
        head=aside,
        base=branch,
        title=f"Take {upstream['commit'][:7]} of {upstream['repository']}",
        body=_BODY.format(upstream=upstream["repository"], branch=branch, aside=aside),
    )
    return {"number": proposal.number, "htmlUrl": proposal.html_url}


def _note_once(app: App, result: dict[str, Any], job: Job, to: Syncer) -> None:
    pull = result["pullRequest"]
    payload = {
        "outcome": result["outcome"],
        "branch": result["branch"],
        "commit": result["commit"],
        "upstream": result["upstream"],
        "pullRequest": pull["number"] if pull else None,
        "job": job.id,
    }
    with to.records.begin() as tx:
        if not any(event.payload.get("job") == job.id for event in tx.events.about(app.id)):
            tx.events.append(Event(Tag.APP_SYNCED, app.id, job.arguments["actor"], to.clock(), payload))
