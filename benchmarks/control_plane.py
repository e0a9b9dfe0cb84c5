"""A control plane of a benchmark: a real `branchline serve` over a database in a temporary directory.

Its GitHub and Cloudflare are the addresses that it is given; a benchmark that needs none gives it a closed
port. Only `app/bootstrap` knows how it is put together; here it is a command line and an environment.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane: where it answers, what opens it, and its first process."""

    url: str
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes] = field(repr=False)

    def memory_bytes(self) -> int:
        """Return what all its processes hold together, shared pages counted once (PSS)."""
        parent = psutil.Process(self.process.pid)
        return sum(p.memory_full_info().pss for p in [parent, *parent.children(recursive=True)])


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(
    directory: Path, *, github_url: str, github_token: str, cloudflare_url: str
) -> dict[str, str]:
    """Return the settings of a control plane whose state is in `directory`."""
    port = free_port()
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{directory / 'branchline.sqlite'}",
        "BRANCHLINE_URL": f"http://127.0.0.1:{port}",
        "BRANCHLINE_SECRET_KEY": secrets.token_urlsafe(48),
        "BRANCHLINE_API_TOKEN": secrets.token_urlsafe(32),
        "GITHUB_API_URL": github_url,
        "GITHUB_TOKEN": github_token,
        "GITHUB_WEBHOOK_SECRET": secrets.token_urlsafe(32),
        "GITHUB_ORG": "acme",
        "GITHUB_TEMPLATE_REPO": "acme/template",
        "GITHUB_WRITE_PAUSE_SECONDS": "0",
        "GITHUB_WRITE_RATE": "0",
        "GITHUB_POINT_RATE": "0",
        "CLOUDFLARE_API_URL": cloudflare_url,
        "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
        "CLOUDFLARE_API_TOKEN": secrets.token_urlsafe(32),
        "CLOUDFLARE_RATE": "0",
        "WFP_DISPATCH_DOMAIN": "http://127.0.0.1:9",
        "APPS_DOMAIN": "http://apps.localhost:9",
    }


@contextmanager
def serving(environ: Mapping[str, str], *options: str) -> Iterator[ControlPlane]:
    """Run `branchline serve` until the block ends."""
    command = [sys.executable, "-m", "app"]
    subprocess.run([*command, "db", "upgrade"], env=dict(environ), check=True, capture_output=True)
    arguments = [*command, "serve", "--port", environ["PORT"], *options]
    process = subprocess.Popen(arguments, env=dict(environ), stderr=subprocess.DEVNULL)
    try:
        url = environ["BRANCHLINE_URL"]
        wait_until_it_answers(f"{url}/readyz")
        yield ControlPlane(url, environ, process)
    finally:
        stop(process)


def wait_until_it_answers(url: str) -> None:
    """Return when `url` answers 2xx. Raises TimeoutError."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer in {_START_SECONDS:.0f} s")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
