"""The page in a browser: what the first one weighs, and how soon a change is seen; 500 others look meanwhile.

A change is a deployment that is written down and told of in one commit, as the inbox does; it is seen when
the row is in the document of a page of that app which is open in Chromium. The floor is the same browser on
the same machine fetching the part that changed, once, by itself. How long the server takes for a page when
there are 50,000 apps is measured by `lists`.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.names import new_id
from benchmarks.control_plane import ControlPlane, environment, free_port, serving
from benchmarks.events import Readers, memory_of
from benchmarks.invoke import MEBIBYTE, Web
from benchmarks.populated import Size, app_id, populate
from app.database.session import create_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from app.ports import Records

SIZE: Final = Size(apps=1000, deployments=20_000)
OTHERS: Final = 500
CHANGES: Final = 60
PAUSE_SECONDS: Final = 0.25
PATIENCE_MS: Final = 20_000
_LIMIT_BYTES: Final = 100_000
# Says when a text is first seen in the document, by the clock of this machine.
_SEEN = """(text) => new Promise((resolve) => {
  const look = () => document.body.textContent.includes(text) && (resolve(Date.now() / 1000), true);
  if (!look()) { const seer = new MutationObserver(() => look() && seer.disconnect());
    seer.observe(document.body, { childList: true, subtree: true, characterData: true }); } })"""
_FETCH = """async (path) => { const began = performance.now();
  await (await fetch(path)).text(); return performance.now() - began; }"""


def main() -> None:
    """Print what was measured."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="branchline-bench-")))
        plane, records = stack.enter_context(_plane(directory))
        web = Web(psutil.Process(plane.process.pid).children()[0])
        page = stack.enter_context(_page(plane))
        table = Table(title=f"pages: {SIZE.apps} apps, {SIZE.deployments} deployments, n={CHANGES}")
        for column in ("", "p50 ms", "p95 ms", "MiB"):
            table.add_column(column, justify="left" if not column else "right")
        weighed = _weigh(page)
        table.add_row("the part by itself", *_ms([page.evaluate(_FETCH, _part()) / 1000 for _ in range(CHANGES)]), "")
        with web.watched():
            table.add_row("to one open page", *_ms(_changes(page, records, 1)), _mib(web.most_bytes))
        others = stack.enter_context(_others(plane))
        with web.watched():
            late = _changes(page, records, 1 + CHANGES)
            table.add_row(f"with {OTHERS} others open", *_ms(late), _mib(web.most_bytes))
        assert len(others.heard) == OTHERS
    Console().print(table)
    Console().print(_weights(weighed))


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
def _others(plane: ControlPlane) -> Iterator[Readers]:
    """Have other apps' pages open: each is a stream of its app's events."""
    readers = Readers(
        f"{plane.url}/api/events/stream", OTHERS, plane.environ["BRANCHLINE_API_TOKEN"], apps=SIZE.apps
    )
    with readers.reading():
        yield readers


# -------------------- what a page weighs


def _weigh(page: Page) -> dict[str, dict[str, int]]:
    """Open the first pages in an empty browser, and return the bytes of each answer over the wire."""
    found = dict[str, dict[str, int]]()
    for path in ("/", _path(), "/workers/new"):
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        answers, asked = dict[str, int](), dict[str, str]()
        session.on("Network.responseReceived", lambda it, asked=asked: asked.update({it["requestId"]: it["response"]["url"]}))
        session.on(
            "Network.loadingFinished",
            lambda it, asked=asked, answers=answers: answers.update({asked.get(it["requestId"], "?"): int(it["encodedDataLength"])}),
        )
        page.goto(path, wait_until="load")
        page.wait_for_timeout(500)
        session.detach()
        found[path] = answers
    return found
