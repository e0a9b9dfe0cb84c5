"""Progress for people: one line per step with its time, and a sign of life during anything longer.

On a terminal a spinner turns while a step runs; elsewhere a step that is not done after a second is announced
with a plain line, so that a log never just stands still. Nothing here knows what the steps are about.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

ANNOUNCE_AFTER_SECONDS = 1.0


class Step:
    """A step under way: what it is, and what it found."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.result = ""


class Steps:
    """Prints steps as they end: `✓  3.2 s  create app hello  8f3k2m1q`."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show `title` while the block runs, and its time and result when it ends."""
        step = Step(title)
        started_at = time.monotonic()
        try:
            with self._sign_of_life(title):
                yield step
        except BaseException:
            self._print("[red]✗[/]", step, time.monotonic() - started_at)
            raise
        self._print("[green]✓[/]", step, time.monotonic() - started_at)

    def say(self, text: str = "") -> None:
        """Print a line of its own."""
        self.console.print(text, markup=False)

    @contextmanager
    def _sign_of_life(self, title: str) -> Iterator[None]:
        if self.console.is_terminal:
            with self.console.status(title):
                yield
            return
        timer = threading.Timer(ANNOUNCE_AFTER_SECONDS, self.say, (f"…          {title} ...",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _print(self, mark: str, step: Step, seconds: float) -> None:
        result = f"  [dim]{escape(step.result)}[/]" if step.result else ""
        self.console.print(f"{mark} {seconds:6.1f} s  {escape(step.title)}{result}")
