"""What one pass of reconcile takes over 100, 1,000 and 10,000 apps: calls, seconds, memory.

The database is a real one (SQLite, on disk); GitHub and Cloudflare are counted stand-ins that answer at
once, so that what is measured is ours. Every app is live and has 30 scripts; one in a hundred has drifted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rich.console import Console
from rich.table import Table
from sqlalchemy import insert

from app.bootstrap.schema import upgrade_database
from app.database.models import AppRow, DeploymentRow
from app.database.records import SqlRecords
from app.database.release_models import AliasRow
from app.database.reliability_models import StandingScriptRow
from app.database.session import create_engine
from app.domain.addresses import Addresses
from app.domain.apps import AppStatus, Heal
from app.domain.deployments import Status
from app.domain.drift import NOBODY
from app.domain.environments import Environment
from app.domain.jobs import JobType
from app.domain.passes import Estimate
from app.domain.platform import Platform
from app.pipeline.install import WEBHOOK_EVENTS
from app.pipeline.reconcile import reconcile
from app.pipeline.reconcile_look import Reconciler
from app.ports import Asked, Head, ScriptPage, SeenRun, SeenScript, Sight, Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Engine

    from app.domain.jobs import Job

T = TypeVar("T")

SIZES: Final = (100, 1_000, 10_000)
SCRIPTS: Final = 30
DRIFTED: Final = 100  # one in so many
LONG_AGO: Final = datetime(2026, 11, 1, tzinfo=UTC)
NAMESPACES: Final = {environment: f"bench-{environment}" for environment in Environment}
PRODUCTION: Final = NAMESPACES[Environment.PRODUCTION]
PLATFORM: Final = Platform(
    url="https://branchline.example",
    owner="acme",
    template="acme/template",
    namespaces=NAMESPACES,
    addresses=Addresses("https://apps.example", "https://dispatch.example"),
    untrusted_namespace="bench-untrusted",
    heal=Heal.OFF,
)


@dataclass
class CountedRemotes:
    """Ports `Sights` and `Scripts` as far as a pass asks; it counts calls and answers at once."""

    apps: int
    files: Mapping[str, str]
    calls: Counter[str] = field(default_factory=Counter)

    def look(self, asked: Sequence[Asked]) -> Mapping[int, Sight]:
        """Show every repository; one in so many has a newer head."""
        self.calls["github"] += 1
        return {it.repository_id: self._sight(it) for it in asked}

    def actions_enabled(self, _full_name: str) -> bool:
        """Say yes."""
        self.calls["github"] += 1
        return True

    def webhook(self, _full_name: str, _url: str) -> Webhook:
        """Show the right one."""
        self.calls["github"] += 1
        return Webhook(1, is_active=True, events=frozenset(WEBHOOK_EVENTS), content_type="json")

    def listing(self, namespace: str, cursor: str | None = None, *, tag: str | None = None) -> ScriptPage:
        """Return a page of the one namespace that holds scripts."""
        del tag
        self.calls["cloudflare"] += 1
        if namespace != PRODUCTION:
            return ScriptPage((), None)
        first = int(cursor or 0)
        last = min(first + 1000, self.apps * SCRIPTS)
        return ScriptPage(
            [self._script(number) for number in range(first, last)],
            str(last) if last < self.apps * SCRIPTS else None,
        )

    def _sight(self, asked: Asked) -> Sight:
        number = asked.repository_id
        commit = f"{number + (number % DRIFTED == 0):040x}"
        run = SeenRun(number, 1, "https://github.example/runs/1", "completed", "success")
        heads = {"main": Head(commit, run)}
        return Sight(number, asked.full_name, "main", is_archived=False, heads=heads, files=self.files)

    def _script(self, number: int) -> SeenScript:
        app, script = divmod(number, SCRIPTS)
        etag = f"etag-{number}" if (app + 1) % DRIFTED else "somebody's"
        return SeenScript(_script_name(app + 1, script), [f"app-{_slug(app + 1)}"], etag, LONG_AGO)


class Steps:
    """Port `Steps`: does at once, and counts what it would have waited."""

    def __init__(self) -> None:
        self.waited = 0.0

    def run(self, _name: str, action: Callable[[], T]) -> T:
        """Do it."""
        return action()

    def sleep(self, seconds: float) -> None:
        """Count it."""
        self.waited += seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """What a pass over so many apps took."""

    apps: int
    seconds: float
    cpu_seconds: float
    waited: float
    github: int
    cloudflare: int
    grown_kib: int
    drift: int


def main() -> None:
    """Measure each size in a process of its own, and print the table."""
    table = Table(
        "apps",
        "scripts",
        "GitHub calls",
        "Cloudflare calls",
        "working",
        "CPU",
        "with pauses",
        "memory",
        "drift",
    )
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.reconcile", str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
        table.add_row(*done.stdout.strip().split("\t"))
    Console().print(table)


def measure(apps: int) -> Measured:
    """Measure one pass in a fresh database."""
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'bench.sqlite'}"
        upgrade_database({"DATABASE_URL": url})
        # Elsewhere, so that what filling takes is not in this process's memory.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
            elsewhere.submit(_fill, url, apps).result()
        engine = create_engine(url)
        try:
            return _pass(engine, apps)
        finally:
            engine.dispose()


def _pass(engine: Engine, apps: int) -> Measured:
    def now() -> datetime:
        return datetime.now(UTC)

    records = SqlRecords(engine, _run_nothing, now)
    steps, remotes = Steps(), CountedRemotes(apps, {})
    to = _reconciler(records, remotes, now)
    remotes.files = to.installed.newest
    with records.begin() as tx:
        job = tx.jobs.enqueue(JobType.RECONCILE, NOBODY, {})
    _forget_peak()
    before, began, cpu_began = _memory_kib(), time.perf_counter(), time.process_time()
    reconcile(job, steps, to)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    with records.read() as tx:
        drift = len(tx.drifts.list(limit=1_000_000).items)
    github, cloudflare = remotes.calls["github"], remotes.calls["cloudflare"]
    reckoned = Estimate.of(apps, apps * SCRIPTS, 4)
    assert github <= reckoned.github_calls
    assert cloudflare <= reckoned.cloudflare_calls
    return Measured(
        apps,
        seconds,
        cpu_seconds,
        steps.waited,
        github,
        cloudflare,
        _memory_kib() - before,
        drift,
    )


def _reconciler(records: SqlRecords, remotes: Any, clock: Callable[[], datetime]) -> Reconciler:
    nothing: Any = None  # a pass that heals nothing asks no other port
    templates = {name: name.encode() for name in ("deploy.yml", "deploy.mjs", "record.mjs")}
    return Reconciler(
        records=records,
        sights=remotes,
        scripts=remotes,
        repositories=nothing,
        contents=nothing,
        trees=nothing,
        settings=nothing,
        runs=nothing,
        platform=PLATFORM,
        clock=clock,
        templates=templates,
        webhook_secret="the secret",  # noqa: S106 - nobody is sent it
    )


def _fill(url: str, apps: int) -> None:
    """Keep apps that are live, each with an alias and the own scripts of its deployments."""
    engine = create_engine(url)
    for first in range(1, apps + 1, 500):
        numbers = range(first, min(first + 500, apps + 1))
        deployed = [_deployment(number, script) for number in numbers for script in range(SCRIPTS)]
        with engine.begin() as connection:
            connection.execute(insert(AppRow), [_app(number) for number in numbers])
            connection.execute(insert(DeploymentRow), deployed)
            connection.execute(insert(AliasRow), [_alias(number) for number in numbers])
            standing = [_standing(number, script) for number in numbers for script in range(SCRIPTS)]
            connection.execute(insert(StandingScriptRow), standing)
    engine.dispose()


def _app(number: int) -> dict[str, Any]:
    name = f"acme/app-{number}"
    repository = {
        "id": number,
        "full_name": name,
        "html_url": f"https://github.example/{name}",
        "clone_url": f"https://github.example/{name}.git",
        "default_branch": "main",
        "is_private": False,
        "is_fork": True,
        "parent_full_name": "acme/template",
        "created_at": LONG_AGO.isoformat(),
        "owner_id": 1,
        "imported_from": None,
    }
    moment = LONG_AGO + timedelta(seconds=number)
    return {
        "id": _app_id(number),
        "slug": _slug(number),
        "name": f"app-{number}",
        "status": AppStatus.READY,
        "created_at": moment,
        "updated_at": moment,
        "is_private": False,
        "repository_id": number,
        "repository": repository,
        "branches": {"main": "production"},
    }


def _deployment(number: int, script: int) -> dict[str, Any]:
    return {
        "id": f"dpl_{number:06}_{script}",
        "app_id": _app_id(number),
        "environment": Environment.PRODUCTION,
        "namespace": PRODUCTION,
        "script": _slug(number),
        "branch": "main",
        "commit": f"{number + script * 1_000_000:040x}",
        "run_id": number * 100 + script,
        "run_number": SCRIPTS - script,
        "run_attempt": 1,
        "run_url": "https://github.example/runs/1",
        "status": Status.READY,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "phases": {},
        "own_script": _script_name(number, script) if script else None,
        "uploaded_at": LONG_AGO,
        "is_from_fork": False,
    }


def _alias(number: int) -> dict[str, Any]:
    return {
        "script": _slug(number),
        "app_id": _app_id(number),
        "environment": Environment.PRODUCTION,
        "namespace": PRODUCTION,
        "updated_at": LONG_AGO,
        "deployment_id": f"dpl_{number:06}_0",
        "run_number": SCRIPTS,
        "run_attempt": 1,
        "is_pinned": False,
        "is_settled": True,
    }


def _standing(number: int, script: int) -> dict[str, Any]:
    return {
        "namespace": PRODUCTION,
        "script": _script_name(number, script),
        "app_id": _app_id(number),
        "subject": f"dpl_{number:06}_{script}",
        "etag": f"etag-{(number - 1) * SCRIPTS + script}",
        "put_at": LONG_AGO,
    }


def _app_id(number: int) -> str:
    return f"app_{number:06}"


def _slug(number: int) -> str:
    return f"slug{number:06}"


def _script_name(number: int, script: int) -> str:
    return f"production-{script}-{_slug(number)}" if script else _slug(number)


def _run_nothing(_session: Any, _job: Job) -> None:
    """Leave the job in its table."""


def _forget_peak() -> None:
    """Count the most that this process holds from here on."""
    # https://www.kernel.org/doc/html/latest/filesystems/proc.html
    Path("/proc/self/clear_refs").write_text("5")


def _memory_kib() -> int:
    """Return the most that this process held since then."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _told(found: Measured) -> str:
    return "\t".join(
        (
            f"{found.apps:,}",
            f"{found.apps * SCRIPTS:,}",
            str(found.github),
            str(found.cloudflare),
            f"{found.seconds:.1f} s",
            f"{found.cpu_seconds:.1f} s",
            f"{found.seconds + found.waited:.0f} s",
            f"+{found.grown_kib / 1024:.1f} MiB",
            str(found.drift),
        )
    )


if __name__ == "__main__":
    print(_told(measure(int(sys.argv[1]))))
