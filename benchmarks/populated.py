"""A large database for benchmarks: apps and what years of work leave behind, loaded past the control plane.

The shape is one to expect of a platform. Apps are unlike one another: the busiest of 50,000 has 27,000 of
a million deployments, one in the middle eleven. Rows lie in the order of time, so those of one app lie apart.
Nearly all work is over. All is drawn from one seed: two runs hold the same. Nothing is measured here.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, Table, insert, text

from app.database.models import AppRow, DeliveryRow, DeploymentRow, EventRow, JobRow, PullRequestRow
from app.database.release_models import AliasRow
from app.database.worker_models import SlugRow
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.names import script_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from app.database.models import Base

    Row = dict[str, Any]

BEGIN: Final = datetime(2025, 1, 1, tzinfo=UTC)
SPAN: Final = timedelta(days=365)
_BATCH: Final = 10_000
_RUNS_PER_PULL: Final = 8
_MOST_OPEN: Final = 30
# One row of these for so many deployments.
_OF_FIVE: Final = 5
_ENVIRONMENTS: Final = ((Environment.PREVIEW, 60), (Environment.PRODUCTION, 25), (Environment.STAGING, 15))
_STATUSES: Final = (
    (Status.READY, 80),
    (Status.ERROR, 8),
    (Status.CANCELLED, 5),
    (Status.SUPERSEDED, 4),
    (Status.REMOVED, 3),
)
_BODY: Final = b'{"ref": "refs/heads/main", "repository": {"id": %d}, "compare": "' + b"x" * 2000 + b'"}'


@dataclass(frozen=True)
class Size:
    """How much there is; there are as many events as deployments."""

    apps: int = 50_000
    deployments: int = 1_000_000


@dataclass
class Population:
    """What was drawn: the apps by how much they have, busiest first, and what they show."""

    size: Size
    runs: Counter[int] = field(default_factory=Counter)
    shown: dict[str, Row] = field(default_factory=dict)

    @property
    def apps(self) -> Sequence[str]:
        """The ids of the apps, busiest first."""
        return [app_id(app) for app, _ in self.runs.most_common()]


def populate(engine: Engine, size: Size) -> Population:
    """Fill an empty, migrated database, and let it take stock as its own housekeeping would."""
    found = Population(size)
    _load(engine, AppRow, map(_app, range(size.apps)))
    _load(engine, SlugRow, ({"slug": slug(app), "owner_id": app_id(app)} for app in range(size.apps)))
    _load(engine, DeploymentRow, _deployments(found))
    _load(engine, AliasRow, _aliases(found))
    _load(engine, PullRequestRow, _pulls(found))
    for number in range(0, size.deployments, size.deployments // 10 or 1):
        numbers = range(number, min(size.deployments, number + (size.deployments // 10 or 1)))
        _load(engine, EventRow, (_event(it, size) for it in numbers))
    occasional = range(0, size.deployments, _OF_FIVE)
    _load(engine, JobRow, (_job(number, size) for number in occasional))
    _load(engine, DeliveryRow, (_delivery(number, size) for number in occasional))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return found


def app_id(app: int) -> str:
    """Return the id of the app of that number."""
    return f"app_{app:026d}"


def deployment_id(number: int) -> str:
    """Return the id of the deployment of that number."""
    return f"dep_{number:026d}"


def job_id(number: int) -> str:
    """Return the id of the job that was begun with the deployment of that number."""
    return f"job_{number:026d}"


def slug(app: int) -> str:
    """Return the slug of the app of that number."""
    return f"a{app:09d}"


def _app(app: int) -> Row:
    at = BEGIN - SPAN + timedelta(minutes=10 * app)
    name, url = f"app-{app}", f"https://github.test/acme/app-{app}"
    repository = {
        "id": app + 1,
        "full_name": f"acme/{name}",
        "html_url": url,
        "clone_url": f"{url}.git",
        "default_branch": "main",
        "is_private": False,
        "is_fork": True,
        "parent_full_name": "acme/template",
        "created_at": at.isoformat(),
    }
    row = {"id": app_id(app), "slug": slug(app), "name": name, "status": "ready"}
    times = {"created_at": at, "updated_at": at}
    branches = {"main": "production", "staging": "staging"}
    known = {"is_private": False, "repository_id": app + 1, "repository": repository}
    return {**row, **times, **known, "branches": branches}


def _owner(number: int, size: Size) -> int:
    """Return whose deployment it is: a few apps have most, and those are not the oldest."""
    drawn = random.Random(number).random()  # noqa: S311 - a shape, not a secret
    return int(size.apps * drawn**3) * 7919 % size.apps


def _moment(number: int, size: Size) -> datetime:
    return BEGIN + SPAN * (number / size.deployments)


def _deployments(found: Population) -> Iterator[Row]:
    dice = random.Random(1)  # noqa: S311 - a shape, not a secret
    for number in range(found.size.deployments):
        app = _owner(number, found.size)
        found.runs[app] += 1
        row = _deployment(number, app, found, dice)
        if row["status"] is Status.READY:
            found.shown[row["script"]] = row
        yield row


def _deployment(number: int, app: int, found: Population, dice: random.Random) -> Row:
    run, at = found.runs[app], _moment(number, found.size)
    environment, status = _drawn(dice, _ENVIRONMENTS), _drawn(dice, _STATUSES)
    pull = run // _RUNS_PER_PULL + 1 if environment is Environment.PREVIEW else None
    end = at + timedelta(seconds=dice.randrange(8, 90))
    return {
        "id": deployment_id(number),
        "app_id": app_id(app),
        "environment": environment,
        "namespace": f"branchline-{environment}",
        "script": script_name(slug(app), environment, pull),
        "branch": f"change-{pull}" if pull else ("main" if environment == "production" else "staging"),
        "commit": f"{number:040x}",
        "message": f"Change number {run} of this app",
        "pull_request": pull,
        "run_id": number + 1,
        "run_number": run,
        "run_attempt": 1,
        "run_url": f"https://github.test/acme/app-{app}/actions/runs/{number + 1}",
        "status": status,
        "created_at": at,
        "updated_at": end,
        "finished_at": end,
        "phases": {"install": 5.5, "build": 2.1, "deploy": 1.9},
        "error": "npm ci ended with 1" if status is Status.ERROR else None,
        "published": status,
        "own_script": f"own-{number}-{slug(app)}",
        "bundle": f"{number:064x}",
        "uploaded_at": end,
        "expires_at": at + timedelta(days=30),
        "retired_at": at + timedelta(days=30),
        "actor": "ada",
        "is_from_fork": False,
    }


def _drawn(dice: random.Random, choices: Sequence[tuple[Any, int]]) -> Any:
    values, weights = zip(*choices, strict=True)
    return dice.choices(values, weights)[0]


def _open_pulls(app: int, runs: int) -> range:
    """Return the numbers of its pull requests that are open: the newest."""
    newest = runs // _RUNS_PER_PULL + 1
    number = min(_MOST_OPEN, newest // 20 + (app % 10 == 0))
    return range(newest - number + 1, newest + 1)


def _aliases(found: Population) -> Iterator[Row]:
    for script, row in found.shown.items():
        app, pull = int(row["app_id"][4:]), row["pull_request"]
        if pull is None or pull in _open_pulls(app, found.runs[app]):
            named = {"app_id", "environment", "namespace", "pull_request", "run_number", "run_attempt"}
            yield {
                **{name: row[name] for name in named},
                "script": script,
                "updated_at": row["updated_at"],
                "deployment_id": row["id"],
                "is_pinned": False,
                "is_settled": True,
            }


def _pulls(found: Population) -> Iterator[Row]:
    for app, runs in found.runs.items():
        opened = _open_pulls(app, runs)
        for number in range(1, runs // _RUNS_PER_PULL + 2):
            yield {
                "app_id": app_id(app),
                "number": number,
                "is_open": number in opened,
                "title": f"Change {number}",
                "html_url": f"https://github.test/acme/app-{app}/pull/{number}",
                "head_branch": f"change-{number}",
                "head_commit": f"{number:040x}",
                "is_from_fork": False,
                "author": "ada",
                "updated_at": BEGIN,
            }


def _event(number: int, size: Size) -> Row:
    app = app_id(_owner(number, size))
    return {
        "tag": "deployment:ready",
        "subject": deployment_id(number),
        "actor": "github",
        "at": _moment(number, size),
        "payload": {"app": app, "environment": "production", "commit": f"{number:040x}"},
        "app_id": app,
        "cause": f"{number:08x}-0000-4000-8000-000000000000",
    }


def _job(number: int, size: Size) -> Row:
    at = _moment(number, size)
    times = {"created_at": at, "started_at": at, "finished_at": at}
    named = {"id": job_id(number), "type": "publish", "app_id": app_id(_owner(number, size))}
    return {**named, **times, "arguments": {"deployment": deployment_id(number)}, "status": "completed"}


def _delivery(number: int, size: Size) -> Row:
    at, guid = _moment(number, size), f"{number:08x}-0000-4000-8000-000000000000"
    return {
        "guid": guid,
        "source": "github",
        "event": "push",
        "headers": {"X-GitHub-Event": "push", "X-GitHub-Delivery": guid},
        "body": _BODY % (_owner(number, size) + 1),
        "received_at": at,
        "status": "processed",
        "attempts": 1,
        "processed_at": at,
        "body_sha256": f"{number:064x}",
        "acked_version": 1,
    }


def _load(engine: Engine, model: type[Base], rows: Iterator[Row]) -> None:
    """Put all rows into a table, by COPY where there is one."""
    table = model.metadata.tables[model.__tablename__]
    load = _copy if engine.dialect.name == "postgresql" else _insert
    first = next(rows)
    columns = [name for name in table.columns.keys() if name in first]  # noqa: SIM118 - not a dict
    with engine.begin() as connection:
        load(connection, table, columns, [first])
        while batch := list(islice(rows, _BATCH)):
            load(connection, table, columns, batch)


def _insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    del columns
    connection.execute(insert(table), list(rows))


def _copy(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    write = _writers(connection, table, columns)
    quoted = ", ".join(f'"{name}"' for name in columns)
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({quoted}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row([write[name](row[name]) for name in columns])


def _writers(connection: Connection, table: Table, columns: Sequence[str]) -> Mapping[str, Any]:
    """Return how the values of each column are written, as SQLAlchemy writes them."""
    dialect = connection.dialect
    found = {name: table.columns[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns}
    return {name: write or (lambda value: value) for name, write in found.items()}
