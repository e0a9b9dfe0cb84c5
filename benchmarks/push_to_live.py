"""From `git push` returning to the address answering with that commit, beside the work that cannot be saved.

The floor is `npm ci`, `vite build` and `wrangler deploy` of the same commit, by hand, against the same
Cloudflare, in turn with the pushes. The network and GitHub's own queue are not in these figures.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.table import Table

from sandbox.city import City
from sandbox.developer import Developer
from sandbox.plan import BOT

if TYPE_CHECKING:
    from sandbox.developer import App
    from sandbox.plan import Plan

ROUNDS = 5
# Looking a hundred times a second took a third of a core from what is measured.
LOOK_SECONDS = 0.1
TIMEOUT_SECONDS = 300
NAMESPACE = "branchline-dev-preview"
# With the flags of the workflow, so that both sides do the same.
RAW = (
    ("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"),
    ("node_modules/.bin/vite", "build"),
    ("node_modules/.bin/wrangler", "deploy", "--dispatch-namespace", NAMESPACE, "--name", "floor"),
)


def main() -> None:
    """Run a city in a directory of its own, measure both ways in turn, and print the table."""
    with (
        tempfile.TemporaryDirectory(prefix="branchline-bench-") as directory,
        City(Path(directory) / "city") as city,
        Developer(city.plan.facts(), Path(directory)) as developer,
    ):
        created_at, calls = time.monotonic(), calls_so_far(city.plan)
        app = developer.create_app("bench")
        calls = calls_so_far(city.plan) - calls
        app.wait_live("production", app.checkout.git("rev-parse", "HEAD"))
        first_answer = time.monotonic() - created_at
        wait_idle(app)
        pairs = [(push_to_live(app, number), raw(app, city.plan)) for number in range(ROUNDS)]
        phases = median_phases(app)
    Console().print(table(first_answer, calls, pairs, phases))


def calls_so_far(plan: Plan) -> int:
    """Return how many requests of the control plane GitHub has counted this hour."""
    headers = {"Authorization": f"Bearer {plan.tokens[BOT]}"}
    answer = httpx.get(f"{plan.url('github')}/api/v3/rate_limit", headers=headers, timeout=10)
    return int(answer.raise_for_status().json()["resources"]["core"]["used"])


def push_to_live(app: App, number: int) -> float:
    """Push a commit and return the seconds until production answers with it."""
    app.checkout.switch("main")
    app.checkout.write("public/round.txt", str(number))
    commit = app.checkout.commit(f"Round {number}")
    url = app.detail["environments"]["production"]["url"]
    app.checkout.push()
    pushed_at = time.monotonic()
    while app.version(url).get("commit") != commit:
        if time.monotonic() - pushed_at > TIMEOUT_SECONDS:
            raise TimeoutError(f"{url} does not answer with {commit}")
        time.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - pushed_at
    wait_idle(app)
    return seconds


def raw(app: App, plan: Plan) -> float:
    """Install, build and deploy the same commit by hand, in a fresh clone, and return the seconds."""
    checkout = app.developer.clone(app.detail["repository"]["cloneUrl"], "floor")
    environment = os.environ | {
        "PATH": os.pathsep.join([str(plan.directory / "node"), os.environ["PATH"]]),
        "CI": "true",
        "WRANGLER_SEND_METRICS": "false",
        "CLOUDFLARE_API_BASE_URL": plan.facts()["cloudflare"]["apiUrl"],
        "CLOUDFLARE_ACCOUNT_ID": plan.facts()["cloudflare"]["accountId"],
        "CLOUDFLARE_API_TOKEN": plan.secrets["cloudflareToken"],
    }
    started_at = time.monotonic()
    for command in RAW:
        subprocess.run(
            command,
            cwd=checkout.directory,
            env=environment,
            check=True,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
        )
    return time.monotonic() - started_at


def wait_idle(app: App) -> None:
    """Wait until no deployment of the app is under way, so that rounds do not disturb each other."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while any(d["status"] in {"queued", "building", "deploying"} for d in app.deployments()):
        if time.monotonic() > deadline:
            raise TimeoutError("the app's deployments do not end")
        time.sleep(0.1)


def median_phases(app: App) -> dict[str, float]:
    """Return the median seconds of each phase over the measured rounds."""
    done = app.deployments(environment="production", status="ready")[:ROUNDS]
    names = ("install", "build", "deploy")
    return {name: statistics.median(d["phases"][name] for d in done) for name in names}


def table(
    first_answer: float, calls: int, pairs: list[tuple[float, float]], phases: dict[str, float]
) -> Table:
    """Put the measurements into a table."""
    pushes, floors = (list(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(pushes) / statistics.median(floors)
    title = f"push to live ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end)"
    rows = Table("", "measured", "target", title=title)
    rows.add_row("push to live", spread(pushes), "under 60 s")
    rows.add_row("npm ci, vite build, wrangler deploy by hand", spread(floors), "")
    rows.add_row("ratio of the medians", f"{ratio:.2f}", "at most 1.25")
    for name, seconds in phases.items():
        rows.add_row(f"of a push: {name}", f"{seconds:.2f} s", "")
    rows.add_row("create app to first production answer", f"{first_answer:.2f} s (n=1)", "")
    rows.add_row("GitHub calls until an app is ready, 12 of them writes", str(calls), "")
    return rows


def spread(seconds: list[float]) -> str:
    """Return the median with the smallest and the largest: `11.20 s (10.80 to 12.90, n=5)`."""
    median = statistics.median(seconds)
    return f"{median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}, n={len(seconds)})"


if __name__ == "__main__":
    main()
