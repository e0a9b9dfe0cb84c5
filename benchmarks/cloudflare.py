"""The sandbox's Cloudflare, for benchmarks that need no city around it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.control_plane import free_port, stop, wait_until_it_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
NAMESPACE = "bench-production"
ACCOUNT = "0" * 32


@dataclass(frozen=True)
class Cloudflare:
    """The sandbox's Cloudflare."""

    url: str
    dispatch: str
    token: str

    @property
    def api(self) -> str:
        """Where its API answers."""
        return f"{self.url}/client/v4"


@contextmanager
def running_cloudflare(directory: Path) -> Iterator[Cloudflare]:
    """Run it until the block ends; its dispatch worker finds production scripts."""
    port, dispatch, token = free_port(), free_port(), secrets.token_hex(16)
    options = {
        "--directory": str(directory / "cloudflare"),
        "--port": str(port),
        "--dispatch-port": str(dispatch),
        "--account-id": ACCOUNT,
        "--token-env": "SANDBOX_TOKEN",
        "--binding": f"NAMESPACE_PRODUCTION={NAMESPACE}",
        "--rate-limit": "1000000",
    }
    command = [
        sys.executable,
        "-m",
        "sandbox.cloudflare",
        *(word for pair in options.items() for word in pair),
    ]
    environ = {**os.environ, "SANDBOX_TOKEN": token}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/")
        yield Cloudflare(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{dispatch}", token)
    finally:
        stop(process)
