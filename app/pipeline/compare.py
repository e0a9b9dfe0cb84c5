"""Compare: what is recorded with what was seen; what differs is drift.

Pure functions. Nobody is asked here, and nothing is changed. What changed on either side shortly before the
look began is left to the next one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.drift import NOBODY, PATIENCE, QUIET, Drift, Kind
from app.domain.environments import Environment
from app.domain.names import is_slug, script_name
from app.domain.releases import gives_way
from app.domain.standing import Need, StandingScript
from app.ports import Recorded, SeenPull, SeenRun, SeenScript, Sight, Webhook

_LOOKED_AT: Final = frozenset({AppStatus.READY, AppStatus.DETACHED, AppStatus.FAILED})
_APP_TAG: Final = "app-"


@dataclass(frozen=True, slots=True)
class Installed:
    """What belongs into each repository: by path the newest version's name, and those of older ones."""

    newest: Mapping[str, str]
    older: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Look:
    """What a comparison goes by: when the look began, what is to be there, and whose repositories are ours.

    `deployed` are the scripts and commits of the app that are known as deployments.
    """

    began: datetime
    owner: str
    installed: Installed
    deployed: Collection[tuple[str, str]] = ()

    def is_quiet_since(self, moment: datetime) -> bool:
        """Tell whether nothing happened to what changed at a moment for long enough before the look."""
        return moment < self.began - QUIET


def is_looked_at(app: App) -> bool:
    """Tell whether an app has a repository to look at, and nobody is making or deleting it."""
    return app.repository is not None and app.status in _LOOKED_AT


def branches_of(recorded: Recorded) -> list[str]:
    """Return the branches whose heads matter: those of environments, and those of the preview."""
    named = {name for name, it in recorded.app.branches.items() if it is not Environment.PREVIEW}
    return sorted(named | recorded.branches)


def commits_of(sight: Sight) -> set[str]:
    """Return the commits that matter in a sight."""
    return {head.commit for head in sight.heads.values()} | {pull.head.commit for pull in sight.pulls}


def compare_repository(recorded: Recorded, sight: Sight | None, look: Look) -> list[Drift]:
    """Return the drift of one app whose repository was looked at; None says that the host has no such one."""
    app = recorded.app
    if sight is None:
        is_news = app.status is not AppStatus.DETACHED
        return [Drift(app.id, Kind.REPOSITORY_GONE, app.repository_name)] if is_news else []
    is_ours = sight.full_name.partition("/")[0].lower() == look.owner.lower()
    if app.status is AppStatus.DETACHED:
        facts = {"seen": sight.full_name}
        return [Drift(app.id, Kind.REPOSITORY_BACK, app.repository_name, facts)] if is_ours else []
    moved = list(_moved(app, sight))
    if not is_ours:
        return moved
    return [
        *moved,
        *_archived(app, sight),
        *_files(app, sight, look.installed),
        *_pulls(recorded, sight, look),
        *_branches(recorded, sight, look),
        *_heads(recorded, sight, look),
        *_runs(recorded, sight, look),
        *_aliases(recorded, look),
    ]


def _moved(app: App, sight: Sight) -> Iterator[Drift]:
    if app.repository_name.lower() != sight.full_name.lower():
        yield Drift(app.id, Kind.REPOSITORY_MOVED, app.repository_name, {"seen": sight.full_name})


def _archived(app: App, sight: Sight) -> Iterator[Drift]:
    if sight.is_archived:
        yield Drift(app.id, Kind.REPOSITORY_ARCHIVED, app.repository_name)


def _files(app: App, sight: Sight, installed: Installed) -> Iterator[Drift]:
    if sight.is_archived or sight.default_branch is None:
        return
    for path, newest in installed.newest.items():
        seen = sight.files.get(path)
        if seen == newest:
            continue
        facts = {"seen": seen, "newest": newest}
        if seen is None:
            yield Drift(app.id, Kind.WORKFLOW_MISSING, path, facts)
        elif seen in installed.older.get(path, ()):
            yield Drift(app.id, Kind.WORKFLOW_OUTDATED, path, facts)
        else:
            yield Drift(app.id, Kind.WORKFLOW_EDITED, path, facts)


def _pulls(recorded: Recorded, sight: Sight, look: Look) -> Iterator[Drift]:
    app_id, known = recorded.app.id, {pull.number: pull for pull in recorded.pulls}
    seen = {pull.number: pull for pull in sight.pulls}
    for number, pull in seen.items():
        heard = known.get(number)
        is_older = heard is not None and pull.updated_at < heard.updated_at
        if heard is None or (pull.head.commit != heard.head_commit and not is_older):
            facts = {"seen": pull.head.commit, "recorded": heard.head_commit if heard else None}
            yield Drift(app_id, Kind.PULL_UNHEARD, f"#{number}", facts)
    for number, heard in known.items():
        if number not in seen and look.is_quiet_since(heard.updated_at):
            yield Drift(app_id, Kind.PULL_CLOSED, f"#{number}", {"recorded": heard.head_commit})
    for alias in recorded.aliases:
        # Its preview is up, and nobody ever told us that it was opened, or it could not be taken down.
        is_over = alias.pull_request not in {None, *seen, *known}
        if is_over and alias.deployment_id is not None and look.is_quiet_since(alias.updated_at):
            yield Drift(app_id, Kind.PULL_CLOSED, f"#{alias.pull_request}", {"script": alias.script})


def _branches(recorded: Recorded, sight: Sight, look: Look) -> Iterator[Drift]:
    """Tell branches of the preview that are gone, but for one that another's run is about to replace."""
    script = script_name(recorded.app.slug, Environment.PREVIEW)
    coming = [it for it in recorded.unfinished if it.script == script]
    if not all(look.is_quiet_since(it.updated_at) for it in coming):
        return
    alias = next((it for it in recorded.aliases if it.script == script), None)
    newest = max(coming, key=lambda it: it.order, default=None)
    for branch in sorted(recorded.branches - sight.heads.keys()):
        if not gives_way(alias, branch, newest):
            yield Drift(recorded.app.id, Kind.BRANCH_GONE, branch, {"script": script})


def _heads(recorded: Recorded, sight: Sight, look: Look) -> Iterator[Drift]:
    """Tell heads that nothing was made of: of branches that lead to an environment, and of pull requests."""
    app = recorded.app
    for branch, head in sight.heads.items():
        environment = app.branches.get(branch, Environment.PREVIEW)
        script = script_name(app.slug, environment)
        if (script, head.commit) not in look.deployed:
            facts = {"script": script, "branch": branch, "run": _run_id(head.run)}
            yield Drift(app.id, Kind.HEAD_UNDEPLOYED, f"{branch}@{head.commit}", facts)
    for pull in sight.pulls:
        script = _script_of(app, pull)
        is_expected = not pull.is_from_fork or (pull.number, pull.head.commit) in recorded.fork_heads
        if is_expected and (script, pull.head.commit) not in look.deployed:
            facts = {"script": script, "pullRequest": pull.number, "run": _run_id(pull.head.run)}
            yield Drift(app.id, Kind.HEAD_UNDEPLOYED, f"#{pull.number}@{pull.head.commit}", facts)


def _script_of(app: App, pull: SeenPull) -> str:
    return script_name(app.slug, Environment.PREVIEW, pull.number, is_from_fork=pull.is_from_fork)


def _run_id(run: SeenRun | None) -> int | None:
    return run.id if run else None


def _runs(recorded: Recorded, sight: Sight, look: Look) -> Iterator[Drift]:
    """Tell deployments whose run went on without them, and those that nobody heard of for too long."""
    heads = [*sight.heads.values(), *(pull.head for pull in sight.pulls)]
    seen = {head.run.id: head.run for head in heads if head.run is not None}
    for deployment in recorded.unfinished:
        if deployment.promoted_from is not None or not look.is_quiet_since(deployment.updated_at):
            continue
        run = seen.get(deployment.run.id)
        facts = {"commit": deployment.commit, "run": deployment.run.id, "recorded": deployment.status.value}
        if run is not None and _is_ahead(run, deployment):
            told = {**facts, "seen": run.conclusion or run.status}
            yield Drift(recorded.app.id, Kind.RUN_AHEAD, deployment.id, told)
        elif run is None and deployment.updated_at < look.began - PATIENCE:
            yield Drift(recorded.app.id, Kind.DEPLOYMENT_STUCK, deployment.id, facts)


def _is_ahead(run: SeenRun, deployment: Deployment) -> bool:
    if run.status == "completed":
        return True
    return run.status == "in_progress" and deployment.status is Status.QUEUED


def _aliases(recorded: Recorded, look: Look) -> Iterator[Drift]:
    """Tell aliases whose script somebody was to put up, and nobody is."""
    for alias in recorded.aliases:
        is_held = alias.held_until is not None and not look.is_quiet_since(alias.held_until)
        shows = alias.deployment_id is not None and alias.expired_at is None
        if shows and not alias.is_in_line and not is_held and look.is_quiet_since(alias.updated_at):
            facts = {"deployment": alias.deployment_id}
            yield Drift(recorded.app.id, Kind.ALIAS_UNSETTLED, alias.script, facts)


# ------------------------------------------------------------------------------- what is asked one by one


def compare_settings(app: App, *, is_on: bool) -> list[Drift]:
    """Return the drift of an app for which it was asked whether workflows may run."""
    return [] if is_on else [Drift(app.id, Kind.ACTIONS_OFF, app.repository_name)]


def compare_webhook(app: App, url: str, seen: Webhook | None, events: Sequence[str]) -> list[Drift]:
    """Return the drift of an app whose webhook was looked at."""
    if seen is None:
        return [Drift(app.id, Kind.WEBHOOK_MISSING, url)]
    missing = sorted(set(events) - seen.events)
    if seen.is_active and not missing and seen.content_type == "json":
        return []
    facts = {"isActive": seen.is_active, "missing": missing, "contentType": seen.content_type}
    return [Drift(app.id, Kind.WEBHOOK_CHANGED, url, facts)]


# ----------------------------------------------------------------------------------------------- scripts


@dataclass(frozen=True, slots=True)
class KnownScripts:
    """What is known of some scripts by their names, and of their apps and workers by slug."""

    standing: Mapping[str, StandingScript]
    needs: Mapping[str, Need]
    owners: Mapping[str, str]


def compare_scripts(
    namespace: str, seen: Sequence[SeenScript], known: KnownScripts, began: datetime
) -> list[Drift]:
    """Return the drift of scripts that are there: whose bytes are others', and which nothing needs."""
    found = list[Drift]()
    for script in seen:
        need, slug = known.needs.get(script.name), slug_of(script)
        is_new = script.modified_at is not None and script.modified_at >= began - QUIET
        if is_new or (need is not None and need.is_moving):
            continue
        subject = f"{namespace}/{script.name}"
        if need is not None and need.subject is not None:
            if _is_changed(script, known.standing.get(script.name), need.subject, began):
                facts = {"seen": script.etag, "shows": need.subject}
                found.append(Drift(need.owner_id, Kind.SCRIPT_CHANGED, subject, facts))
        elif slug is not None and (slug in known.owners or is_slug(slug)):
            owner = need.owner_id if need else known.owners.get(slug, NOBODY)
            found.append(Drift(owner, Kind.SCRIPT_ORPHAN, subject, {"tags": list(script.tags or ())}))
    return found


def compare_absent(absent: Sequence[StandingScript], needs: Mapping[str, Need]) -> list[Drift]:
    """Return the drift of scripts that were put up and are not there, where something needs them."""
    return [
        Drift(it.app_id, Kind.SCRIPT_GONE, f"{it.namespace}/{it.script}", {"shows": need.subject})
        for it in absent
        if (need := needs.get(it.script)) is not None and need.subject is not None and not need.is_moving
    ]


def slug_of(script: SeenScript) -> str | None:
    """Return the slug that a script's tags name; None of a script that is none of ours.

    Ours are named after it too: others may put up scripts with such tags in the same namespace.
    """
    slugs = (tag.removeprefix(_APP_TAG) for tag in script.tags or () if tag.startswith(_APP_TAG))
    return next((slug for slug in slugs if script.name == slug or script.name.endswith(f"-{slug}")), None)


def _is_changed(script: SeenScript, standing: StandingScript | None, subject: str, began: datetime) -> bool:
    """Tell whether a script shows what it is not to: bytes of others, or what we put up there too late."""
    if standing is None or standing.etag is None or script.etag is None or standing.put_at >= began - QUIET:
        return False
    return script.etag != standing.etag or standing.subject != subject
