"""What scripts logged and threw: one JSON line per invocation, the newest megabyte or two of each script."""

import json
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from sandbox.cloudflare.model import Json

_FILE_BYTES = 1_000_000


class Logs:
    """Log files by namespace and script. They outlive the script, which may have gone for what they say."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def add(self, namespace: str, script: str, invocation: Json) -> None:
        """Keep one invocation."""
        path = self._path(namespace, script)
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size > _FILE_BYTES:
                path.replace(_older(path))
            with path.open("a") as file:
                file.write(json.dumps(invocation) + "\n")

    def read(self, namespace: str, script: str) -> list[Json]:
        """Return the kept invocations of a script, newest first."""
        path = self._path(namespace, script)
        with self._lock:
            lines = list(chain(_lines(_older(path)), _lines(path)))
        return lines[::-1]

    def scripts(self) -> list[tuple[str, str]]:
        """Return namespace and name of every script that ever logged."""
        return sorted((path.parent.name, path.stem) for path in self._directory.glob("*/*.jsonl"))

    def _path(self, namespace: str, script: str) -> Path:
        return self._directory / namespace / f"{script}.jsonl"


def _older(path: Path) -> Path:
    return path.with_suffix(".older")


def _lines(path: Path) -> Iterator[Json]:
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # A line that was being written when the process ended.
            continue
