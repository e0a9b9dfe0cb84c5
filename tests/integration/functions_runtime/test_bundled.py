"""The runtime as a bundler leaves it: one minified module with the author's, as an app's build makes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.contract.sandbox_cloudflare.driver import TOOLS, Sandbox
from tests.integration.functions_runtime.driver import DATE, FLAGS, MAIN, SOURCE, Worker

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
enum Size { Small = 1, Large }
type Order = { size: keyof typeof Size };
console.log("while loading");
const { log } = console;
export async function order<T extends Order>({ size }: T): Promise<number> {
  log("ordered", size);
  await scheduler.wait(5);
  console.group("inside");
  console.warn(new Map([[size, Size[size]]]));
  return Size[size];
}
export const fails = (): never => { throw new RangeError("too small"); };
export class Shop {}
export type { Order };
export default { fetch: () => new Response("the author's own") };
"""


@pytest.fixture(scope="module")
def bundled(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Worker:
    code = bundle(tmp_path_factory.mktemp("bundle"))
    response = sandbox.put("bundled", code, compatibility_date=DATE, compatibility_flags=FLAGS)
    assert response.status_code == 200, response.text
    return Worker(sandbox, "bundled")


def bundle(folder: Path) -> str:
    """Return the code that esbuild makes of a main module, the runtime and TypeScript."""
    shutil.copytree(SOURCE, folder / "functions_runtime")
    (folder / "functions.ts").write_text(MODULE)
    (folder / "main.ts").write_text(MAIN.replace("./functions.js", "./functions.ts").replace("OPTIONS", "{}"))
    esbuild = next(TOOLS.glob("node_modules/@esbuild/*/bin/esbuild"))
    flags = ["--bundle", "--minify", "--format=esm", "--external:node:*", "--target=es2024"]
    command = [str(esbuild), "main.ts", *flags]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_its_functions_are_found(bundled: Worker) -> None:
    assert bundled.ask("GET", "/api/functions").json() == {"functions": ["fails", "order"]}


def test_lines_that_are_written_through_a_console_kept_while_loading_are_there(bundled: Worker) -> None:
    body = bundled.invoke("order", {"size": "Large"}).json()
    assert body["result"] == 2
    assert [it["message"] for it in body["logs"]] == [
        "ordered Large",
        "inside",
        "  Map(1) { 'Large' => 2 }",
    ]


def test_failures_keep_their_shape(bundled: Worker) -> None:
    error = bundled.error("fails")
    assert (error["name"], error["message"]) == ("RangeError", "too small")
    assert error["stack"].startswith("RangeError: too small\n    at ")
    assert error["stack"].count("\n") == 1


def test_events_come(bundled: Worker) -> None:
    events = bundled.events("order", {"size": "Small"})
    assert [it.name for it in events] == ["log", "log", "log", "result"]
    assert json.dumps(events[-1].data["result"]) == "1"
