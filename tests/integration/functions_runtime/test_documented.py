"""docs/functions.md says what the runtime does: its options, their defaults, its refusals."""

from __future__ import annotations

import re

import pytest

from tests.integration.functions_runtime.driver import SOURCE

DOCUMENT = (SOURCE.parents[1] / "docs/functions.md").read_text()
SOURCES = {path.name: path.read_text() for path in SOURCE.glob("*.js")}
FAILURES = sorted(
    {found for text in SOURCES.values() for found in re.findall(r'new Failure\((\d+), "(\w+)"', text)}
)
OPTIONS = re.findall(
    r"^  (\w+): (.+),$", SOURCES["options.js"].split("const DEFAULTS = {")[1].split("};")[0], re.MULTILINE
)


def test_failures_and_options_are_found() -> None:
    assert ("404", "FunctionNotFound") in FAILURES
    assert len(OPTIONS) == 13


@pytest.mark.parametrize(("status", "name"), FAILURES)
def test_every_refusal_is_written_down(status: str, name: str) -> None:
    assert f"| {status} | `{name}` |" in DOCUMENT


@pytest.mark.parametrize("name", [name for name, _ in OPTIONS])
def test_every_option_is_written_down(name: str) -> None:
    assert f"`{name}`" in DOCUMENT.split("## Options")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("name", "value"), [it for it in OPTIONS if re.fullmatch(r"[\d_]+( \* [\d_]+)*", it[1])]
)
def test_every_amount_is_written_down(name: str, value: str) -> None:
    product = 1
    for factor in value.split(" * "):
        product *= int(factor)
    assert f"{product:,}" in DOCUMENT, name


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_modules_are_small_and_say_what_they_are_for(name: str) -> None:
    assert SOURCES[name].startswith("/**")
    assert len(SOURCES[name].splitlines()) <= 200
    assert max(len(line) for line in SOURCES[name].splitlines()) <= 120
