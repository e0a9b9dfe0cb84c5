"""What runs find on the machine, while others look for the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

from sandbox.actions import git
from sandbox.actions.toolbox import Toolbox

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.fakes.github_for_actions import FakeGitHub


def test_two_runs_that_first_use_the_same_action_both_find_it(
    github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.commit({"action.yml": "runs: {using: composite, steps: []}"})
    extract, both = git.extract, Barrier(2)

    def together(*arguments: Any) -> None:
        extract(*arguments)
        both.wait(30)

    monkeypatch.setattr(git, "extract", together)
    toolbox = Toolbox(tmp_path / "tools")

    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(toolbox.actions_for, ["acme/hello@main"], github) for _ in range(2)]

    (place,) = {look.result()["acme/hello@main"] for look in looks}
    assert (place / "action.yml").exists()
    assert list(place.parent.iterdir()) == [place]
