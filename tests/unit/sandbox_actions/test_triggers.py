from __future__ import annotations

from typing import Any

import pytest

from sandbox.actions import triggers
from sandbox.actions.ports import Occasion
from sandbox.actions.workflows import parse

_JOBS = "jobs: {build: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}"


def _push(ref: str = "refs/heads/main", **payload: Any) -> Occasion:
    return Occasion("push", None, 1, ref, "f" * 40, payload)


def _pull_request(action: str = "opened", base: str = "main") -> Occasion:
    payload = {"pull_request": {"base": {"ref": base}}}
    return Occasion("pull_request", action, 1, "refs/pull/7/merge", "f" * 40, payload)


def _starts(on: str, occasion: Occasion, changed: list[str] | None = None) -> bool:
    workflow = parse("ci.yml", f"on: {on}\n{_JOBS}")
    return triggers.starts(workflow.triggers, occasion, lambda: changed or [])


@pytest.mark.parametrize("on", ["push", "[push, pull_request]", "{push: }", "{push: {}}"])
def test_every_way_to_write_a_trigger_is_understood(on: str) -> None:
    assert _starts(on, _push())
    assert _starts(on, _push("refs/tags/v1"))


def test_another_event_starts_nothing() -> None:
    assert not _starts("pull_request", _push())


@pytest.mark.parametrize(
    ("action", "does"), [("opened", True), ("synchronize", True), ("reopened", True), ("closed", False)]
)
def test_pull_requests_have_default_types(action: str, does: bool) -> None:  # noqa: FBT001
    assert _starts("pull_request", _pull_request(action)) is does


def test_types_replace_the_defaults() -> None:
    assert _starts("{pull_request: {types: [closed]}}", _pull_request("closed"))
    assert _starts("{pull_request: {types: closed}}", _pull_request("closed"))
    assert not _starts("{pull_request: {types: [closed]}}", _pull_request("opened"))


def test_branches_of_a_push_are_its_own_and_of_a_pull_request_its_base() -> None:
    assert _starts("{push: {branches: [main, 'releases/**']}}", _push("refs/heads/releases/1/2"))
    assert not _starts("{push: {branches: [main]}}", _push("refs/heads/feature"))
    assert not _starts("{push: {branches-ignore: ['dependabot/**']}}", _push("refs/heads/dependabot/npm/x"))
    assert _starts("{pull_request: {branches: [main]}}", _pull_request(base="main"))
    assert not _starts("{pull_request: {branches: [main]}}", _pull_request(base="staging"))


def test_a_filter_for_branches_leaves_out_tags_and_the_other_way_round() -> None:
    assert not _starts("{push: {branches: [main]}}", _push("refs/tags/v1"))
    assert not _starts("{push: {tags: ['v*']}}", _push())
    assert _starts("{push: {tags: ['v*']}}", _push("refs/tags/v1"))
    assert _starts("{push: {branches: [main], tags: ['v*']}}", _push("refs/tags/v1"))


def test_paths_must_be_touched() -> None:
    assert _starts("{push: {paths: ['src/**']}}", _push(), ["README.md", "src/a.ts"])
    assert not _starts("{push: {paths: ['src/**']}}", _push(), ["README.md"])
    assert not _starts("{push: {paths-ignore: ['**.md']}}", _push(), ["README.md"])
    assert _starts("{push: {paths-ignore: ['**.md']}}", _push(), ["README.md", "a.ts"])
    assert _starts("{push: {paths: ['src/**']}}", _push("refs/tags/v1"), [])


@pytest.mark.parametrize("mark", ["[skip ci]", "[CI skip]", "[no ci]", "[skip actions]", "[actions skip]"])
def test_a_commit_may_ask_for_no_runs(mark: str) -> None:
    assert triggers.asks_for_skip(f"Change a word {mark}")
    assert triggers.asks_for_skip("Change\n\nskip-checks: true")
    assert not triggers.asks_for_skip("Explain how to skip ci")


def test_the_end_of_a_branch_is_no_reason_to_run() -> None:
    assert triggers.is_deletion(_push(deleted=True))
    assert not triggers.is_deletion(_push(deleted=False))
