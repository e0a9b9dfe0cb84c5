"""The page in a browser: what the first one weighs, and how soon a change is seen; 500 others look meanwhile.

A change is a deployment that is written down and told of in one commit, as the inbox does; it is seen when
its commit is in the document of a page of that app, open in Chromium. The floor is the same browser on the
same machine fetching the part that changed, by itself. How long the server takes for a page when there are
50,000 apps is measured by `pages`.
"""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from app.database.session import create_engine
from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.names import new_id
from benchmarks.control_plane import ControlPlane, environment, free_port, serving
from benchmarks.events import Readers, memory_of
from benchmarks.invoke import MEBIBYTE, Web
from benchmarks.populated import Size, app_id, populate, slug

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from app.ports import Records

SIZE: Final = Size(apps=1000, deployments=20_000)
OTHERS: Final = 500
CHANGES: Final = 60
PAUSE_MS: Final = 250
PATIENCE_MS: Final = 20_000
APP: Final = app_id(0)
PATH: Final = f"/apps/{APP}"
LIVE: Final = "#live[data-state=live]"
# Notes when a text is first seen in the document, by the clock of this machine.
_WATCH = """(text) => { window.seen = new Promise((resolve) => {
  const look = () => document.body.textContent.includes(text) && (resolve(Date.now() / 1000), true);
  const seer = new MutationObserver(() => look() && seer.disconnect());
  seer.observe(document.body, { childList: true, subtree: true, characterData: true }); }); }"""
_FETCH = """async (path) => { const began = performance.now();
  await (await fetch(path)).text(); return (performance.now() - began) / 1000; }"""


def main() -> None:
    """Print what was measured."""
    shown = Table(title=f"a page in a browser, {CHANGES} changes")
    for column in ("", "p50 ms", "p95 ms", "most ms", "web process, MiB"):
        shown.add_column(column, justify="right" if column else "left")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="branchline-bench-")))
        plane, records = stack.enter_context(_plane(directory))
        page = stack.enter_context(_page(plane))
        weighed = _weigh(page)
        alone = [page.evaluate(_FETCH, f"{PATH}?part=timeline") for _ in range(CHANGES)]
        shown.add_row("fetching the part", *_ms(alone), "")
        shown.add_row("a change seen", *_measure(plane, page, records, 0))
        stack.enter_context(_others(plane))
        shown.add_row(f"with {OTHERS} other pages open", *_measure(plane, page, records, CHANGES))
    Console().print(shown)
    print(", ".join(f"{path} weighs {size / 1000:.0f} KB over the wire" for path, size in weighed.items()))


def _measure(plane: ControlPlane, page: Page, records: Records, first: int) -> tuple[str, str, str, str]:
    web = Web(psutil.Process(plane.process.pid).children()[0])
    with web.watched():
        late = _seen(page, records, first)
    return (*_ms(late), f"{web.most_bytes / MEBIBYTE:.0f}")


@contextmanager
def _plane(directory: Path) -> Iterator[tuple[ControlPlane, Records]]:
    nowhere = f"http://127.0.0.1:{free_port()}"
    environ = environment(directory, github_url=nowhere, github_token="none", cloudflare_url=nowhere)  # noqa: S106
    environ["BRANCHLINE_LIVE_STREAMS"] = str(OTHERS * 2)
    with serving(environ, "--no-jobs") as plane, memory_of(environ["DATABASE_URL"]) as records:
        engine = create_engine(environ["DATABASE_URL"])
        populate(engine, SIZE)
        engine.dispose()
        yield plane, records


@contextmanager
def _page(plane: ControlPlane) -> Iterator[Page]:
    program = shutil.which("chromium") or sys.exit("it needs Chromium: Debian's package is called chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(base_url=plane.url)
        context.set_default_timeout(PATIENCE_MS)
        context.set_extra_http_headers({"Authorization": f"Bearer {plane.environ['BRANCHLINE_API_TOKEN']}"})
        yield context.new_page()
        browser.close()


@contextmanager
def _others(plane: ControlPlane) -> Iterator[None]:
    """Have the pages of other apps open: each has a stream of its app's events."""
    apps = [app_id(number) for number in range(1, SIZE.apps)]
    token = plane.environ["BRANCHLINE_API_TOKEN"]
    with Readers(f"{plane.url}/api/events/stream", OTHERS, token, apps).reading():
        yield


def _weigh(page: Page) -> dict[str, int]:
    """Open the first pages in an empty browser; return the bytes of each over the wire, scripts and all."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    found, came = dict[str, int](), list[int]()
    session.on("Network.loadingFinished", lambda it: came.append(int(it["encodedDataLength"])))
    for path in ("/", PATH):
        came.clear()
        page.goto(path, wait_until="load")
        page.wait_for_timeout(500)  # what scripts fetch behind it
        found[path] = sum(came)
    session.detach()
    return found


def _seen(page: Page, records: Records, first: int) -> list[float]:
    """Write changes down one by one; return how many seconds later the page showed each."""
    page.goto(PATH)
    page.wait_for_selector(LIVE)
    late = list[float]()
    for number in range(first, first + CHANGES):
        commit = secrets.token_hex(20)
        page.evaluate(_WATCH, commit[:7])
        late.append(-_write(records, number, commit))
        late[-1] += page.evaluate("window.seen")
        page.wait_for_timeout(PAUSE_MS)
    return late


def _write(records: Records, number: int, commit: str) -> float:
    """Write a deployment down as the inbox does; return when it was committed."""
    now = datetime.now(UTC)
    deployment = Deployment(
        id=new_id("dep", now),
        app_id=APP,
        environment=Environment.PRODUCTION,
        namespace="branchline-production",
        script=slug(0),
        branch="main",
        commit=commit,
        message=f"Change number {number}",
        pull_request=None,
        run=Run(id=10_000_000 + number, number=1_000_000 + number, attempt=1, url="https://github.test/run"),
        status=Status.QUEUED,
        created_at=now,
        updated_at=now,
    )
    with records.begin() as tx:
        tx.deployments.add(deployment)
        tx.events.append(Event(Tag.DEPLOYMENT_QUEUED, deployment.id, "github:ann", now, {}, app_id=APP))
    return time.time()


def _ms(seconds: list[float]) -> tuple[str, str, str]:
    in_order = sorted(seconds)
    picked = (in_order[len(in_order) // 2], in_order[int(len(in_order) * 0.95)], in_order[-1])
    return tuple(f"{it * 1000:.0f}" for it in picked)  # type: ignore[return-value] # three they were


if __name__ == "__main__":
    main()
