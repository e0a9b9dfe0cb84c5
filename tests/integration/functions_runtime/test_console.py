"""What the console's methods write into an invocation's log, beside what Node's own console writes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.node import node_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.functions_runtime.driver import Worker

    Deploy = Callable[..., Worker]

HERE = Path(__file__).parent
CASES = (HERE / "console_cases.js").read_text()
NAMES = re.findall(r"^  (\w+): \(console\) =>", CASES, re.MULTILINE)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    node = node_directory(tmp_path_factory.mktemp("node")) / "node"
    command = [str(node), str(HERE / "print_console_cases.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    printed: dict[str, list[str]] = json.loads(done.stdout)
    return printed


@pytest.fixture(scope="module")
def ours(worker: Deploy) -> dict[str, list[str]]:
    functions = worker(CASES + "\nexport const run = (name) => { cases[name](console); };\n")
    return {name: functions.messages("run", name) for name in NAMES}


def test_all_cases_were_found(nodes: dict[str, list[str]]) -> None:
    assert list(nodes) == NAMES


# workerd's `node:util` shows that a proxy is one, and names what a view has as earlier versions of Node did.
WORKERD = {"typed", "view", "proxy"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WORKERD])
def test_lines_look_as_nodes_do(nodes: dict[str, list[str]], ours: dict[str, list[str]], name: str) -> None:
    assert ours[name] == nodes[name]


@pytest.mark.parametrize("name", sorted(WORKERD))
def test_workerd_differs_in_punctuation_only(
    nodes: dict[str, list[str]], ours: dict[str, list[str]], name: str
) -> None:
    def words(lines: list[str]) -> list[str]:
        return [word for line in lines for word in re.findall(r"\w+", line) if word != "Proxy"]

    assert words(ours[name]) == words(nodes[name])


# -------------------- what has a time or a place in it

TIMED = """
export async function times() {
  console.time("job");
  console.time("job");
  await scheduler.wait(20);
  console.timeLog("job", "so far", { a: 1 });
  console.timeEnd("job");
  console.timeEnd("job");
  console.timeLog();
}
export function traces() { console.trace("here %d", 1, { a: 1 }); console.trace(); }
export function levels() {
  for (const level of ["log", "info", "debug", "warn", "error", "trace"]) console[level](level);
  console.assert(false); console.countReset("x"); console.dir(1); console.table([1]); console.count();
  console.clear();
}
export function detached() {
  const { log, group, groupEnd } = console;
  group("a"); log("b"); groupEnd(); log("c");
}
export function odd() {
  const throwing = { [Symbol.for("nodejs.util.inspect.custom")]() { throw new TypeError("do not look"); } };
  console.log("before", throwing);
  console.dir(throwing);
  console.table([throwing]);
  console.group(throwing);
  console.count(Symbol("s"));
  console.log("after");
}
export async function named() { const { log } = await import("node:console"); log("by name"); }
"""


@pytest.fixture(scope="module")
def timed(worker: Deploy) -> Worker:
    return worker(TIMED)


def test_times_are_told(timed: Worker) -> None:
    again, so_far, ended, gone, unknown = timed.messages("times")
    assert again == "Label 'job' already exists"
    assert re.fullmatch(r"job: \d+ms so far { a: 1 }", so_far)
    assert re.fullmatch(r"job: \d+ms", ended)
    assert int(re.findall(r"\d+", ended)[0]) >= 19
    assert (gone, unknown) == ("No such label 'job'", "No such label 'default'")


def test_a_trace_shows_the_authors_frames(timed: Worker) -> None:
    first, second = timed.messages("traces")
    assert first == "Trace: here 1 { a: 1 }\n    at traces (functions.js:11:36)"
    assert second.startswith("Trace\n    at traces (")


def test_every_method_has_its_level(timed: Worker) -> None:
    expected = ["log", "info", "debug", "warn", "error", "trace", "error", "warn", "log", "log", "log"]
    assert [it["level"] for it in timed.logs("levels")] == expected


def test_levels_go_to_the_stream_where_node_prints_them(timed: Worker) -> None:
    streams = {(it.data["level"], it.data["stream"]) for it in timed.events("levels") if it.name == "log"}
    out, err = {"log", "info", "debug"}, {"warn", "error", "trace"}
    assert streams == {*((it, "stdout") for it in out), *((it, "stderr") for it in err)}


def test_methods_need_no_console(timed: Worker) -> None:
    assert timed.messages("detached") == ["a", "  b", "c"]


def test_a_console_that_is_imported_is_the_same(timed: Worker) -> None:
    assert timed.messages("named") == ["by name"]


def test_a_value_that_minds_being_looked_at_fails_nothing(timed: Worker) -> None:
    messages = timed.messages("odd")
    assert messages[0] == "[a value that cannot be shown: do not look]"
    assert "after" in messages[-1]
    assert "Symbol(s): 1" in messages[-2]
