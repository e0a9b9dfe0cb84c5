"""What the image holds runs: from a tree that it cannot write, and ends when told to.

The steps of the Dockerfile that concern Python are carried out here but for the installation of packages,
which are those of this environment. Root becomes nobody, where nobody may run this interpreter. What an
engine makes of both files was not tried.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from sandbox.ports import free_port
from tests.contract.test_image import ROOT, SERVICES, instructions
from tests.integration.test_serve import SETTINGS, until

NOBODY = 65534
IGNORED = shutil.ignore_patterns("__pycache__", "node_modules", "test*")


class Container:
    """A file system of the image and what runs in it, each by the command that compose.yaml gives."""

    def __init__(self, root: Path, database_url: str, user: int | None) -> None:
        self.source, self.scratch, bundles = root / "source", root / "scratch", root / "bundles"
        for line in instructions("COPY"):
            for name in [] if "--from" in line else line.split()[:-1]:
                _copy(ROOT / name, self.source / name)
        for folder in (self.scratch, bundles):
            folder.mkdir(0o700)
            if user is not None:
                os.chown(folder, user, user)
        _make_read_only(self.source)
        self.user = user
        self.port = free_port()
        self.environ = SETTINGS | {
            "DATABASE_URL": database_url,
            "BRANCHLINE_BUNDLES": str(bundles),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.source),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.scratch),
            "HOME": str(self.scratch),
        }

    def command(self, *arguments: str) -> list[str]:
        # The container has an address of its own, here all share this machine's.
        given = {"0.0.0.0": "127.0.0.1", "8000": str(self.port)}  # noqa: S104 - it is replaced
        return [sys.executable, "-P", "-m", "app", *(given.get(it, it) for it in arguments)]

    def options(self) -> dict[str, Any]:
        somebody = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        return {"cwd": self.scratch, "env": self.environ, **somebody}

    def start(self, service: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command(*SERVICES[service]["command"]), **self.options())

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **self.options(),
        )

    def is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=4) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def is_working(self) -> bool:
        return self.run("jobs", "--check").returncode == 0


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=IGNORED)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _make_read_only(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def _somebody_else() -> int | None:
    """Return nobody's id, if we are root and nobody may run this interpreter."""
    if os.geteuid() != 0:
        return None
    try:
        command = [sys.executable, "-c", "import json"]
        done = subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], check=False, timeout=60)
    except PermissionError:
        return None
    return NOBODY if done.returncode == 0 else None


@pytest.fixture
def container(postgres_url: str) -> Iterator[Container]:
    # Not in pytest's directory, which is its owner's alone.
    root = Path(tempfile.mkdtemp(prefix="branchline-image-"))
    root.chmod(0o755)
    try:
        user = _somebody_else()
        # PostgreSQL's socket is its owner's alone.
        url = postgres_url if user is None else f"sqlite:///{root}/scratch/branchline.sqlite"
        yield Container(root, url, user)
    finally:
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        shutil.rmtree(root)


def test_web_and_jobs_become_healthy_and_end_in_time(container: Container) -> None:
    assert not container.is_working()
    upgraded = container.run(*SERVICES["migrate"]["command"])
    assert upgraded.returncode == 0, upgraded.stderr
    with ExitStack() as stack:
        processes = [container.start(name) for name in ("web", "jobs", "jobs")]
        for process in processes:
            stack.callback(process.kill)
        until(container.is_ready, saying=lambda: "web is not ready")
        until(container.is_working, saying=lambda: "jobs do not beat")
        for process in processes:
            process.send_signal(signal.SIGTERM)
        grace = int(SERVICES["web"]["stop_grace_period"].removesuffix("s"))
        assert [process.wait(grace) for process in processes] == [0, 0, 0]
    assert not container.is_working()
    assert [path for path in container.source.rglob("*") if path.name == "__pycache__"] == []


def test_it_does_not_write_where_it_lives(container: Container) -> None:
    if os.geteuid() == 0 and container.user is None:
        pytest.skip("nobody may not run this interpreter, and root writes everywhere")
    code = "import os, sys; print(os.getuid(), os.access(sys.argv[1], os.W_OK))"
    command = [sys.executable, "-c", code, str(container.source / "app")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, **container.options()
    )
    user, is_writable = done.stdout.split()
    assert int(user) != 0
    assert is_writable == "False"
