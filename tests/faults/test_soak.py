"""A soak: many apps, many pushes, and processes of both kinds that are killed at any moment.

Runs build nothing: they deploy by the protocol of `deploy.mjs` at the real endpoints, with tokens of the
sandbox's issuer and the gateway for their uploads (`light_runner`). Nobody lends a hand: what a killed web
process did not hear of is found again by the sweep of deliveries and by reconcile. At the end every app shows
its newest commit.
"""

import base64
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression

import httpx
import psutil
import pytest
from sqlalchemy import text

from app.domain.apps import App
from app.domain.deployments import Deployment, Status
from app.domain.jobs import JobType
from sandbox.daemon import Daemon
from sandbox.waiting import wait_for
from tests.faults.figures import Figures, Form
from tests.faults.stage import Stage
from tests.faults.town import Plane, Remotes

pytestmark = pytest.mark.slow

SEED = 20261122
LIVE_SECONDS = 1800.0
AT_ONCE = 4
LOOK_SECONDS = 0.5
GOAL = 99.9
OFTEN = {"BRANCHLINE_RECONCILE_MINUTES": "1"}


@dataclass
class Sample:
    """One look at the processes: how long a request took, and what they hold."""

    at: float
    seconds: float
    rss_bytes: int


@dataclass
class Soak:
    """Pushes, kills and looks, over one control plane."""

    stage: Stage
    web: Daemon
    apps: list[App]
    lot: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - keeps no secret
    heads: dict[str, str] = field(default_factory=dict)
    commits: list[tuple[App, str]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    kills: int = 0
    pushed: int = 0

    def __post_init__(self) -> None:
        self.jobs = [self.stage.plane.jobs() for _ in range(2)]

    def run(self, pushes: int, kills: int) -> None:
        """Push, and kill now and then, evenly over the pushes."""
        every = max(1, pushes // kills)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for number, _ in enumerate(pool.map(self._push, self._order(pushes)), start=1):
                self.pushed = number
                self._look()
                if number % every == 0 and self.kills < kills:
                    self._kill()

    def wait_live(self) -> list[str]:
        """Wait until every app shows its newest commit; return those that never do."""
        late = dict(self.heads)

        def look() -> tuple[bool | None, object]:
            self._look()
            for slug, commit in list(late.items()):
                if self.stage.remotes.visit(slug) == commit:
                    del late[slug]
            return (None if late else True), len(late)

        try:
            wait_for("every newest commit live", look, LIVE_SECONDS, every=LOOK_SECONDS)
        except Exception:  # noqa: BLE001 - how many are late is the figure
            return sorted(late)
        return []

    def failed(self) -> list[str]:
        """Return the pushes that came to nothing: not live once, and not overtaken by a newer one."""
        with self.stage.records.read() as tx:
            found = [it for app in self.apps for it in tx.deployments.find(app.id)]
        known = {(it.app_id, it.commit): it for it in found}
        ends = [(commit, known.get((app.id, commit))) for app, commit in self.commits]
        return [
            f"{commit}: {end.status}, {end.error}" if end else f"{commit}: never heard of"
            for commit, end in ends
            if end is None or not self._is_well(end)
        ]

    def _is_well(self, end: Deployment) -> bool:
        """Tell whether a deployment did its part.

        GitHub itself cancels a run that waits when a newer one comes, which shows all that this one had.
        """
        is_overtaken = end.status is Status.CANCELLED and end.commit not in self.heads.values()
        return is_overtaken or end.status in {Status.READY, Status.SUPERSEDED}

    def _order(self, pushes: int) -> Iterator[App]:
        return (self.apps[number % len(self.apps)] for number in range(pushes))

    def _push(self, app: App) -> None:
        """Commit to main over GitHub's API, which is a push like any other."""
        github, name = self.stage.remotes.github, app.repository_name
        content = base64.b64encode(str(time.monotonic_ns()).encode()).decode()
        path = f"/repos/{name}/contents/pushed-{time.monotonic_ns()}.txt"
        answer = github.call("PUT", path, {"message": "Push", "content": content, "branch": "main"})
        self.heads[app.slug] = answer["commit"]["sha"]
        self.commits.append((app, answer["commit"]["sha"]))

    def _kill(self) -> None:
        """Kill a web worker, which its first process replaces, or a jobs process, which we replace."""
        self.kills += 1
        if self.lot.random() < 0.5:
            victim = self.jobs.pop(self.lot.randrange(len(self.jobs)))
            victim.kill()
            self.jobs.append(self.stage.plane.jobs())
        else:
            self.lot.choice(self._web_workers()).send_signal(signal.SIGKILL)

    def _web_workers(self) -> list[psutil.Process]:
        assert self.web.pid
        return psutil.Process(self.web.pid).children()

    def _look(self) -> None:
        began = time.monotonic()
        try:
            httpx.get(f"{self.stage.plane.environ['BRANCHLINE_URL']}/readyz", timeout=10, trust_env=False)
        except httpx.TransportError:
            return  # its process was just killed
        seconds = time.monotonic() - began
        self.samples.append(Sample(began, seconds, sum(self._memory())))

    def _memory(self) -> Iterator[int]:
        """Yield what each living process holds; one that was just killed may be gone or about to be."""
        jobs = [psutil.Process(it.pid) for it in self.jobs if it.is_alive]
        for process in [*self._web_workers(), *jobs]:
            with suppress(psutil.Error):
                yield process.memory_info().rss

    def figures(self) -> dict[str, str]:
        """Return the slope of memory, and how the slowest of a hundred looks changed."""
        hours = [(it.at - self.samples[0].at) / 3600 for it in self.samples]
        slope = linear_regression(hours, [it.rss_bytes / 1e6 for it in self.samples]).slope
        half = len(self.samples) // 2
        first, second = (
            _p99([it.seconds for it in part]) for part in (self.samples[:half], self.samples[half:])
        )
        return {
            "memory": f"{slope:+.1f} MB an hour over {hours[-1] * 60:.0f} minutes",
            "p99 of /readyz": f"{first:.0f} ms in the first half, {second:.0f} ms in the second",
        }


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def test_pushes_go_live_whatever_dies(
    remotes: Remotes, migrated_postgres_url: str, tmp_path: Path, form: Form, figures: Figures
) -> None:
    apps, pushes, kills = form.pick(short=(3, 15, 2), full=(100, 1000, 60))
    remotes.runs_are_idle(are_idle=False)
    with Plane(remotes, migrated_postgres_url, tmp_path, **OFTEN) as plane, plane.web(workers=2) as web:
        stage = Stage(plane)
        soak = Soak(stage, web, stage.apps(apps))
        size = _database_bytes(plane)
        soak.run(pushes, kills)
        late = soak.wait_live()
        stage.wait_quiet(LIVE_SECONDS, but_for=frozenset({JobType.RECONCILE, JobType.REDELIVER}))
        failed = soak.failed()
        grown = (_database_bytes(plane) - size) / _deliveries(plane)
    share = 100 * (pushes - len(failed)) / pushes
    told = (
        f"{share:.2f} % of {pushes} pushes to {apps} apps deployed, {soak.kills} kills, {len(late)} apps late"
    )
    figures.tell("F1", "soak", told)
    for name, value in {**soak.figures(), "database": f"{grown:.0f} bytes a delivery"}.items():
        figures.tell("F1", name, value)
    assert late == []
    assert share >= GOAL, failed


def _database_bytes(plane: Plane) -> int:
    with plane.shared.database.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def _deliveries(plane: Plane) -> int:
    with plane.shared.database.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one())
