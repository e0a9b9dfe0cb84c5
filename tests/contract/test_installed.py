"""Every version of the files that we put into repositories is known by its name."""

import subprocess
from pathlib import Path

import pytest

from app.domain.git import blob_name
from app.pipeline.install import PLACES
from app.pipeline.installed import INSTALLED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(PLACES))
def test_the_newest_version_is_known(name: str) -> None:
    assert blob_name((ROOT / "actions_templates" / name).read_bytes()) == INSTALLED[name][0]


@pytest.mark.parametrize("name", sorted(PLACES))
def test_every_version_there_ever_was_is_known(name: str) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: it has no history")
    path = f"actions_templates/{name}"
    commits = _git("log", "--format=%H", "--diff-filter=AM", "--", path).split()
    assert {_git("rev-parse", f"{commit}:{path}").strip() for commit in commits} <= set(INSTALLED[name])


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
