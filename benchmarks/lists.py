"""How long the API takes to list and to show, when there are 50,000 apps and a million deployments.

Under `branchline serve` on PostgreSQL and on SQLite, by one caller on loopback who asks for one thing after
another. The floor is a bare Flask route under the same gunicorn, asked in the same way and in the same run;
and the same questions to a database that is nearly empty: what a page costs however little lies behind it.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from app.database.cursors import Cursor
from app.database.session import create_engine
from benchmarks.control_plane import environment, free_port, serving, stop, wait_until_it_answers
from benchmarks.populated import BEGIN, SPAN, Population, Size, deployment_id, job_id, populate
from benchmarks.postgres import first_process, postgres
from benchmarks.webhooks import BARE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    # What draws a path to ask for.
    Ask = Callable[[random.Random], str]
    # What has people come, and returns the token of each.
    Prepare = Callable[[Engine, Population], Mapping[str, str]]

ROUNDS: Final = 300
WARM: Final = 20
SMALL: Final = Size(apps=100, deployments=2000)
AIM_SECONDS: Final = 0.050


@dataclass(frozen=True)
class Measured:
    """What was asked for, how long each answer took, and how large a typical one is.

    `busy_seconds` is the processor time of one answer, in our process and the database's, which does not
    grow with what else the machine does.
    """

    what: str
    seconds: Sequence[float]
    answer_bytes: int
    busy_seconds: float

    def at(self, part: float) -> float:
        """Return the seconds that this part of the answers came within."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(len(self.seconds) * part))]


def main() -> None:
    """Print a table for each database."""
    floor = bare()
    for database, size in (("postgres", SMALL), ("postgres", Size()), ("sqlite", Size())):
        measured = on(database, size, _questions)
        title = f"{database}: {size.apps} apps, {size.deployments} deployments, n={ROUNDS} each"
        Console().print(table(title, [floor, *measured]))
        slow = [it.what for it in measured if it.at(0.95) > AIM_SECONDS]
        print(f"over {AIM_SECONDS * 1000:.0f} ms at p95: {', '.join(slow) or 'none'}", flush=True)


def table(title: str, measured: Sequence[Measured]) -> Table:
    """Return a row for each question."""
    shown = Table(title=title)
    for column in ("asked for", "p50 ms", "p95 ms", "p99 ms", "busy ms", "answer KB"):
        shown.add_column(column, justify="left" if column == "asked for" else "right")
    for it in measured:
        times = [f"{seconds * 1000:.1f}" for seconds in (*map(it.at, (0.5, 0.95, 0.99)), it.busy_seconds)]
        shown.add_row(it.what, *times, f"{it.answer_bytes / 1000:.1f}")
    return shown


def bare() -> Measured:
    """Ask a route that does nothing."""
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name:
        directory, port = Path(name), free_port()
        (directory / "bare.py").write_text(BARE)
        arguments = ["--workers=1", "--threads=16", "--worker-class=gthread", "--no-control-socket"]
        command = [sys.executable, "-m", "gunicorn", *arguments, f"--bind=127.0.0.1:{port}"]
        process = subprocess.Popen([*command, "bare:application"], cwd=directory, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_it_answers(url)
            with httpx.Client(base_url=url) as http:
                return _measure(http, [process.pid], "a bare Flask route", lambda _: "/")
        finally:
            stop(process)


def on(
    database: str,
    size: Size,
    questions: Callable[[Population], dict[str, Ask]],
    prepare: Prepare = lambda engine, found: {},  # noqa: ARG005 - nobody comes
    of_person: Callable[[Population, str], dict[str, Ask]] = lambda found, who: {},  # noqa: ARG005 - nor asks
) -> list[Measured]:
    """Ask a control plane over a database of this size, as its operator, and then as people who come."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="branchline-bench-")))
        nowhere = f"http://127.0.0.1:{free_port()}"
        environ = environment(directory, github_url=nowhere, github_token="none", cloudflare_url=nowhere)  # noqa: S106
        servers = list[int]()
        if database == "postgres":
            environ["DATABASE_URL"] = stack.enter_context(postgres())
            servers.append(first_process(environ["DATABASE_URL"]))
            environ["BRANCHLINE_BUNDLES"] = str(directory / "bundles")
        found, tokens = _fill(environ, size, prepare)
        plane = stack.enter_context(serving(environ, "--no-jobs"))
        servers.append(plane.process.pid)
        asking = [(environ["BRANCHLINE_API_TOKEN"], questions(found))]
        asking += [(token, of_person(found, who)) for who, token in tokens.items()]
        return [it for token, asked in asking for it in _asked(plane.url, token, servers, asked)]


def _asked(url: str, token: str, servers: Sequence[int], asked: dict[str, Ask]) -> list[Measured]:
    with _caller(url, token) as http:
        return [_measure(http, servers, what, ask) for what, ask in asked.items()]


@contextmanager
def _caller(url: str, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        yield http


def _fill(environ: dict[str, str], size: Size, prepare: Prepare) -> tuple[Population, Mapping[str, str]]:
    """Migrate and load the database, and return with it the tokens of people who come."""
    command = [sys.executable, "-m", "app", "db", "upgrade"]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    engine = create_engine(environ["DATABASE_URL"])
    began = time.monotonic()
    found = populate(engine, size)
    tokens = prepare(engine, found)
    engine.dispose()
    print(f"loaded {size.deployments} deployments in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found, tokens


def _questions(found: Population) -> dict[str, Ask]:
    """Return what is asked for; what is drawn is another app, cursor or id each time."""
    apps, size = found.apps, found.size
    busiest = f"/api/apps/{apps[0]}"

    def an_app(dice: random.Random) -> str:
        return f"/api/apps/{dice.choice(apps)}"

    def number(dice: random.Random) -> int:
        return dice.randrange(0, size.deployments, 5)

    return {
        "apps": lambda _: "/api/apps",
        "apps, from a cursor": lambda dice: f"/api/apps?cursor={cursor(dice, BEGIN - SPAN, 'app_')}",
        "apps, 100 from a cursor": lambda dice: (
            f"/api/apps?limit=100&cursor={cursor(dice, BEGIN - SPAN, 'app_')}"
        ),
        "an app": an_app,
        "the busiest app": lambda _: busiest,
        "its deployments": lambda dice: f"{an_app(dice)}/deployments",
        "its failed deployments to production": lambda dice: (
            f"{an_app(dice)}/deployments?environment=production&status=error"
        ),
        "the busiest's, from a cursor": lambda dice: (
            f"{busiest}/deployments?cursor={cursor(dice, BEGIN, 'dep_')}"
        ),
        "the busiest's cancelled previews": lambda _: (
            f"{busiest}/deployments?environment=preview&status=cancelled"
        ),
        "the busiest's that are queued: none": lambda _: (
            f"{busiest}/deployments?environment=production&status=queued"
        ),
        "a deployment": lambda dice: f"/api/deployments/{deployment_id(number(dice))}",
        "a job": lambda dice: f"/api/jobs/{job_id(number(dice))}",
        "deliveries": lambda _: "/api/deliveries",
        "deliveries that failed: none": lambda _: "/api/deliveries?status=failed",
        "events": lambda _: "/api/events",
        "events of an app": lambda dice: f"/api/events?app={dice.choice(apps)}",
        "events of the busiest app with a tag": lambda _: f"/api/events?app={apps[0]}&tag=deployment:ready",
        "events with a tag": lambda _: "/api/events?tag=deployment:",
    }


def cursor(dice: random.Random, begin: datetime, prefix: str) -> str:
    """Return a cursor of anywhere."""
    return Cursor(begin + SPAN * dice.random(), f"{prefix}0").encode()


def _measure(http: httpx.Client, servers: Sequence[int], what: str, ask: Ask) -> Measured:
    dice, seconds, sizes = random.Random(2), list[float](), list[int]()  # noqa: S311 - which, not a secret
    for _ in range(WARM):
        http.get(ask(dice)).raise_for_status()
    busy = _busy_seconds(servers)
    for _ in range(ROUNDS):
        path = ask(dice)
        began = time.perf_counter()
        answer = http.get(path)
        seconds.append(time.perf_counter() - began)
        answer.raise_for_status()
        sizes.append(len(answer.content))
    busy = _busy_seconds(servers) - busy
    return Measured(what, seconds, sorted(sizes)[len(sizes) // 2], busy / ROUNDS)


def _busy_seconds(servers: Sequence[int]) -> float:
    """Return the processor time that these processes and all that they started have had."""
    first = [psutil.Process(pid) for pid in servers]
    every = [*first, *(child for it in first for child in it.children(recursive=True))]
    return sum(it.cpu_times().user + it.cpu_times().system for it in every)


if __name__ == "__main__":
    main()
