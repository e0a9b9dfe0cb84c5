"""From asking for a rollback to the first answer with the old code, beside a bare upload of the same script.

The rollback goes the whole way: HTTP API, durable job, bundle store, one upload. The floor is one `PUT` of a
script of the same size straight to the sandbox's Cloudflare, and the same look at its address.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.spreads import spread
from sandbox.city import City
from sandbox.developer import Developer
from sandbox.releases import wait_ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sandbox.developer import App
    from sandbox.plan import Plan

ROUNDS = 20
LOOK_SECONDS = 0.005
TIMEOUT_SECONDS = 60
NAMESPACE = "branchline-dev-preview"
FLOOR = "preview-bench"


def main() -> None:
    """Run a city in a directory of its own, roll back and forth between two deployments, print the table."""
    with (
        tempfile.TemporaryDirectory(prefix="branchline-bench-") as directory,
        City(Path(directory) / "city") as city,
        Developer(city.plan.facts(), Path(directory)) as developer,
    ):
        app = developer.create_app("bench")
        first = app.checkout.git("rev-parse", "HEAD")
        app.wait_live("production", first)
        second = app.push("Good day")
        app.wait_live("production", second)
        pair = [wait_ready(app, "production", commit) for commit in (first, second)]
        pairs = [(roll_back(app, pair[number % 2]), upload(city.plan, number)) for number in range(ROUNDS)]
    Console().print(table(pairs))


def roll_back(app: App, deployment: dict[str, Any]) -> float:
    """Roll production back to a deployment and return the seconds until its commit answers."""
    url = app.detail["environments"]["production"]["url"]
    asked_at = time.monotonic()
    body = {"environment": "production", "to": deployment["id"]}
    answer = app.developer.branchline.post(f"/api/apps/{app.slug}/rollback", body)
    wait_until(lambda: app.version(url).get("commit") == deployment["commit"])
    seconds = time.monotonic() - asked_at
    app.developer.wait_for_job(answer["jobId"])
    return seconds


def upload(plan: Plan, number: int) -> float:
    """Upload a script straight to Cloudflare and return the seconds until it answers."""
    cloudflare = plan.facts()["cloudflare"]
    path = f"workers/dispatch/namespaces/{NAMESPACE}/scripts/{FLOOR}"
    code = f"export default {{ fetch: () => new Response('{number}') }}; /* {'x' * 20_000} */"
    metadata = {"main_module": "index.js", "compatibility_date": "2026-01-01"}
    asked_at = time.monotonic()
    httpx.put(
        f"{cloudflare['apiUrl']}/accounts/{cloudflare['accountId']}/{path}",
        headers={"Authorization": f"Bearer {cloudflare['apiToken']}"},
        files={
            "metadata": (None, json.dumps(metadata), "application/json"),
            "index.js": ("index.js", code, "application/javascript+module"),
        },
        timeout=TIMEOUT_SECONDS,
    ).raise_for_status()
    address = f"{cloudflare['dispatchUrl']}/app/{FLOOR}/"
    wait_until(lambda: httpx.get(address, timeout=TIMEOUT_SECONDS).text == str(number))
    return time.monotonic() - asked_at


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("the address does not answer with the code that was put there")
        time.sleep(LOOK_SECONDS)


def table(pairs: list[tuple[float, float]]) -> Table:
    """Put the measurements into a table."""
    rollbacks, floors = (list(column) for column in zip(*pairs, strict=True))
    title = f"rollback ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end)"
    rows = Table("", "measured", "aim", title=title)
    rows.add_row("rollback asked for to first answer with the old code", spread(rollbacks), "p50 under 1 s")
    rows.add_row("a bare upload to its first answer", spread(floors), "")
    return rows


if __name__ == "__main__":
    main()
