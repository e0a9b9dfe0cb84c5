"""Looks at many apps at once, in a few statements however many they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database.aliases import alias_of
from app.database.deployments import deployment_of
from app.database.models import AppRow, DeploymentRow, JobRow, PullRequestRow
from app.database.pulls import pull_of
from app.database.release_models import AliasRow, ApprovalRow
from app.database.rows import several
from app.database.worker_models import SlugRow, VersionRow, WorkerRow
from app.database.workers import version_of, worker_of
from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.deployments import UNFINISHED, Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import JobStatus, JobType
from app.domain.names import script_name
from app.domain.pulls import PullRequest
from app.domain.standing import Need, need_of_alias, need_of_deployment, need_of_version, need_of_worker
from app.ports.reconcile import Recorded

T = TypeVar("T")

_RELEASING: Final = (JobType.RELEASE, JobType.PROMOTE, JobType.RESTORE, JobType.EXPIRE)
_NOT_OVER: Final = (JobStatus.QUEUED, JobStatus.PROCESSING)
_COMING: Final = UNFINISHED | {Status.READY}


class SqlSurvey:
    """`ports.Survey` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def recorded(self, apps: Sequence[App]) -> Mapping[str, Recorded]:
        """Return what is recorded of some apps, by id."""
        ids = [app.id for app in apps]
        pulls, unfinished = self._pulls(ids), self._unfinished(ids)
        aliases, branches = self._aliases(ids), self._branches(apps)
        forks = [pull for of_app in pulls.values() for pull in of_app if pull.is_from_fork]
        heads = self._fork_heads(forks)
        return {
            app.id: Recorded(
                app,
                pulls=pulls[app.id],
                unfinished=unfinished[app.id],
                aliases=aliases[app.id],
                branches=branches.get(app.id, frozenset()),
                fork_heads=heads[app.id],
            )
            for app in apps
        }

    def deployed(
        self, app_ids: Collection[str], commits: Collection[str]
    ) -> Collection[tuple[str, str, str]]:
        """Return app, script and commit of every deployment that some apps made of these commits."""
        row = DeploymentRow
        statement = select(row.app_id, row.script, row.commit).where(
            row.app_id.in_(app_ids), row.commit.in_(commits)
        )
        return {(app_id, script, commit) for app_id, script, commit in self._session.execute(statement)}

    def needs(self, scripts: Collection[str]) -> Mapping[str, Need]:
        """Return why scripts are to stand, by name; a name that was never heard of is left out."""
        return {
            **self._needs_of_aliases(scripts),
            **self._needs_of_deployments(scripts),
            **self._needs_of_workers(scripts),
            **self._needs_of_versions(scripts),
        }

    def owners(self, slugs: Collection[str]) -> Mapping[str, str]:
        """Return the id of the app or worker that has a slug."""
        found = self._session.execute(select(SlugRow.slug, SlugRow.owner_id).where(SlugRow.slug.in_(slugs)))
        return {slug: owner_id for slug, owner_id in found}  # noqa: C416 - rows are no pairs to mypy

    def releasing(self, app_ids: Collection[str]) -> Collection[str]:
        """Return those apps for which a job that puts scripts up is not over."""
        row = JobRow
        statement = select(row.app_id).where(
            row.status.in_(_NOT_OVER), row.type.in_(_RELEASING), row.app_id.in_(app_ids)
        )
        return set(self._session.scalars(statement))

    def count_apps(self) -> int:
        """Return how many apps there are."""
        return self._session.scalar(select(func.count()).select_from(AppRow)) or 0

    def _pulls(self, ids: Sequence[str]) -> Mapping[str, list[PullRequest]]:
        row = PullRequestRow
        found = several(self._session, select(row).where(row.app_id.in_(ids), row.is_open))
        return _by_app((it.app_id, pull_of(it)) for it in found)

    def _unfinished(self, ids: Sequence[str]) -> Mapping[str, list[Deployment]]:
        row = DeploymentRow
        statement = select(row).where(row.app_id.in_(ids), row.status.in_(sorted(UNFINISHED)))
        return _by_app((it.app_id, deployment_of(it)) for it in several(self._session, statement))

    def _aliases(self, ids: Sequence[str]) -> Mapping[str, list[Alias]]:
        found = several(self._session, select(AliasRow).where(AliasRow.app_id.in_(ids)))
        return _by_app((it.app_id, alias_of(it)) for it in found)

    def _branches(self, apps: Sequence[App]) -> Mapping[str, frozenset[str]]:
        """Return whose each preview of branches is: of what its alias shows, and of its newest run."""
        ids, scripts = [app.id for app in apps], [script_name(app.slug, Environment.PREVIEW) for app in apps]
        row = DeploymentRow
        columns = select(row.app_id, row.branch).where(row.status.in_(sorted(_COMING)))
        # Two lists and not one of pairs, for which SQLite would read the whole table.
        there = columns.where(row.app_id.in_(ids), row.script.in_(scripts))
        oldest_first = there.order_by(row.run_number, row.run_attempt, row.id)
        newest = {app_id: branch for app_id, branch in self._session.execute(oldest_first)}  # noqa: C416
        found = {app_id: frozenset({branch}) for app_id, branch in newest.items()}
        shown = columns.join(AliasRow, AliasRow.deployment_id == row.id).where(AliasRow.script.in_(scripts))
        for app_id, branch in self._session.execute(shown):
            found[app_id] = found.get(app_id, frozenset()) | {branch}
        return found

    def _fork_heads(self, forks: Sequence[PullRequest]) -> Mapping[str, frozenset[tuple[int, str]]]:
        row = ApprovalRow
        keys = {(pull.app_id, pull.number, pull.head_commit) for pull in forks}
        found = defaultdict[str, frozenset[tuple[int, str]]](frozenset)
        if keys:
            statement = select(row.app_id, row.pull_request, row.commit)
            is_of_them = row.app_id.in_({pull.app_id for pull in forks})
            for app_id, number, commit in self._session.execute(statement.where(is_of_them)):
                if (app_id, number, commit) in keys:
                    found[app_id] |= {(number, commit)}
        return found

    def _needs_of_aliases(self, scripts: Collection[str]) -> Mapping[str, Need]:
        aliases = map(alias_of, several(self._session, select(AliasRow).where(AliasRow.script.in_(scripts))))
        return {it.script: need_of_alias(it) for it in aliases}

    def _needs_of_deployments(self, scripts: Collection[str]) -> Mapping[str, Need]:
        statement = select(DeploymentRow).where(DeploymentRow.own_script.in_(scripts))
        found = map(deployment_of, several(self._session, statement))
        return {it.own_script: need_of_deployment(it) for it in found if it.own_script}

    def _needs_of_workers(self, scripts: Collection[str]) -> Mapping[str, Need]:
        # A worker's script is named after its slug, which stands last in it.
        slugs = {script.rpartition("-")[2] for script in scripts}
        workers = several(self._session, select(WorkerRow).where(WorkerRow.slug.in_(slugs)))
        found = {worker.script: worker for worker in map(worker_of, workers)}
        return {name: need_of_worker(it) for name, it in found.items() if name in scripts}

    def _needs_of_versions(self, scripts: Collection[str]) -> Mapping[str, Need]:
        statement = (
            select(VersionRow, WorkerRow)
            .join(WorkerRow, WorkerRow.id == VersionRow.worker_id)
            .where(VersionRow.own_script.in_(scripts))
        )
        return {
            version.own_script: need_of_version(version_of(version), worker_of(worker))
            for version, worker in self._session.execute(statement)
        }


def _by_app(found: Iterable[tuple[str, T]]) -> Mapping[str, list[T]]:
    by_app = defaultdict[str, list[T]](list)
    for app_id, it in found:
        by_app[app_id].append(it)
    return by_app
