"""A process beside the engine that ends its runs when the engine dies without a word.

`python -m sandbox.actions.leash` reads `+ID` and `-ID` (a run's tracking id that begins, that ends) and, when
its input ends, kills every process of the ids that are left. It knows nothing else of runs; their record is
put right at the engine's next start.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from sandbox.actions import processes

_ROOT = Path(__file__).parents[2]
_CLOSE_SECONDS = 10


class Leash:
    """The engine's end: runs are held while they go on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.actions.leash"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def hold(self, tracking_id: str) -> None:
        """Have the run's processes end with the engine."""
        self._tell(f"+{tracking_id}")

    def release(self, tracking_id: str) -> None:
        """Let go of a run that is over."""
        self._tell(f"-{tracking_id}")

    def close(self) -> None:
        """End whatever is still held."""
        with self._lock, suppress(OSError, subprocess.TimeoutExpired):
            self._process.communicate(timeout=_CLOSE_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _tell(self, line: str) -> None:
        with self._lock, suppress(OSError, ValueError):
            if self._process.stdin:
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()


def main() -> None:
    """Read until the engine is gone, then end what it left."""
    held: set[str] = set()
    for line in sys.stdin:
        change, tracking_id = line[:1], line[1:].strip()
        (held.add if change == "+" else held.discard)(tracking_id)
    for tracking_id in held:
        processes.kill_all(tracking_id)


if __name__ == "__main__":
    main()
