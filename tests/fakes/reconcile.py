"""The memory ports of reconciling, over plain dicts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from app.domain.apps import App
from app.domain.callers import EVERYWHERE, Reach
from app.domain.deployments import UNFINISHED, Deployment, Status
from app.domain.drift import Drift
from app.domain.environments import Environment
from app.domain.jobs import JobStatus, JobType
from app.domain.names import script_name
from app.domain.standing import (
    Need,
    StandingScript,
    need_of_alias,
    need_of_deployment,
    need_of_version,
    need_of_worker,
)
from app.ports import Page
from app.ports.reconcile import Recorded
from tests.fakes.memory import Memory, page_of
from tests.fakes.reaching import is_owned_within

_RELEASING: Final = frozenset({JobType.RELEASE, JobType.PROMOTE, JobType.RESTORE, JobType.EXPIRE})
_NOT_OVER: Final = frozenset({JobStatus.QUEUED, JobStatus.PROCESSING})


class FakeStandingScripts:
    """`ports.StandingScripts`."""

    def __init__(self, memory: Memory) -> None:
        self._standing = memory.standing

    def put(self, script: StandingScript) -> None:
        self._standing[script.namespace, script.script] = script

    def remove(self, namespace: str, scripts: Collection[str]) -> None:
        for script in scripts:
            self._standing.pop((namespace, script), None)

    def of(self, app_id: str, namespace: str) -> Sequence[StandingScript]:
        owned = [it for it in self._standing.values() if (it.app_id, it.namespace) == (app_id, namespace)]
        return sorted(owned, key=lambda it: it.script)

    def see(self, namespace: str, scripts: Collection[str], at: datetime) -> Mapping[str, StandingScript]:
        known = {it: self._standing[namespace, it] for it in scripts if (namespace, it) in self._standing}
        for script, standing in known.items():
            if standing.seen_at is None or standing.seen_at < at:
                self._standing[namespace, script] = replace(standing, seen_at=at)
        return known

    def unseen(
        self,
        namespace: str,
        before: datetime,
        *,
        app_id: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> Sequence[StandingScript]:
        found = [
            it
            for it in self._standing.values()
            if it.namespace == namespace
            and app_id in {None, it.app_id}
            and it.script > after
            and it.put_at < before
            and (it.seen_at is None or it.seen_at < before)
        ]
        return sorted(found, key=lambda it: it.script)[:limit]

    def count(self) -> int:
        return len(self._standing)


class FakeDrifts:
    """`ports.Drifts`."""

    def __init__(self, memory: Memory) -> None:
        self._drifts = memory.drifts
        self._memory = memory

    def of(self, app_ids: Collection[str]) -> Sequence[Drift]:
        found = [it for it in self._drifts.values() if it.is_open and it.app_id in app_ids]
        return sorted(found, key=lambda it: (it.found_at, it.app_id, it.kind, it.subject))

    def save(self, drift: Drift) -> None:
        self._drifts[drift.key] = drift

    def forget(self, app_id: str) -> None:
        for key in [key for key in self._drifts if key[0] == app_id]:
            del self._drifts[key]

    def list(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> Page:
        found = [
            it
            for it in self._drifts.values()
            if it.is_open
            and it.found_at is not None
            and is_owned_within(reach, it.app_id, self._memory.rights, self._memory.workers)
        ]
        return page_of(found, _place, cursor, limit)


def _place(drift: Drift) -> tuple[datetime, str]:
    assert drift.found_at is not None
    return drift.found_at, f"{drift.app_id} {drift.kind} {drift.subject}"


class FakeSurvey:
    """`ports.Survey`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def recorded(self, apps: Sequence[App]) -> Mapping[str, Recorded]:
        return {app.id: self._recorded(app) for app in apps}

    def deployed(
        self, app_ids: Collection[str], commits: Collection[str]
    ) -> Collection[tuple[str, str, str]]:
        found = (it for it in self._memory.deployments.values() if it.app_id in app_ids)
        return {(it.app_id, it.script, it.commit) for it in found if it.commit in commits}

    def needs(self, scripts: Collection[str]) -> Mapping[str, Need]:
        memory = self._memory
        workers = memory.workers
        found = {
            **{it.script: need_of_alias(it) for it in memory.aliases.values()},
            **{it.own_script or "": need_of_deployment(it) for it in memory.deployments.values()},
            **{it.script: need_of_worker(it) for it in workers.values()},
            **{
                it.own_script: need_of_version(it, workers[it.worker_id])
                for it in memory.versions.values()
                if it.worker_id in workers
            },
        }
        return {script: need for script, need in found.items() if script in scripts}

    def owners(self, slugs: Collection[str]) -> Mapping[str, str]:
        return {slug: owner for slug, owner in self._memory.slugs.items() if slug in slugs}

    def releasing(self, app_ids: Collection[str]) -> Collection[str]:
        jobs = (it for it in self._memory.jobs.values() if it.type in _RELEASING and it.status in _NOT_OVER)
        return {it.app_id for it in jobs if it.app_id in app_ids}

    def count_apps(self) -> int:
        return len(self._memory.apps)

    def _recorded(self, app: App) -> Recorded:
        memory = self._memory
        deployments = [it for it in memory.deployments.values() if it.app_id == app.id]
        pulls = [it for it in memory.pulls.values() if it.app_id == app.id and it.is_open]
        heads = {(it.number, it.head_commit) for it in pulls if it.is_from_fork}
        return Recorded(
            app,
            pulls=pulls,
            unfinished=[it for it in deployments if it.status in UNFINISHED],
            aliases=[it for it in memory.aliases.values() if it.app_id == app.id],
            branches=self._branches(app, deployments),
            fork_heads=frozenset(it for it in heads if (app.id, *it) in memory.approvals),
        )

    def _branches(self, app: App, deployments: Sequence[Deployment]) -> frozenset[str]:
        script = script_name(app.slug, Environment.PREVIEW)
        there = [it for it in deployments if it.script == script and it.status in UNFINISHED | {Status.READY}]
        alias = self._memory.aliases.get(script)
        shown = [it for it in there if alias is not None and it.id == alias.deployment_id]
        newest = sorted(there, key=lambda it: (it.order, it.id))[-1:]
        return frozenset(it.branch for it in [*shown, *newest])
