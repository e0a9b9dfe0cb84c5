from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from sandbox import steps as steps_module
from sandbox.steps import Steps


class Screen(io.StringIO):
    """What was printed, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.printed = threading.Event()

    def write(self, text: str) -> int:
        self.printed.set()
        return super().write(text)


def steps_on(screen: Screen) -> Steps:
    return Steps(Console(file=screen, width=200, highlight=False, soft_wrap=True))


def test_a_step_is_one_line_with_its_time_and_result() -> None:
    screen = Screen()
    with steps_on(screen).step("create app") as step:
        step.result = "abcd1234"
    (line,) = screen.getvalue().splitlines()
    assert line.startswith("✓    0.0 s  create app  abcd1234")


def test_a_failed_step_says_so_and_passes_the_error_on() -> None:
    screen = Screen()
    with pytest.raises(ValueError, match="wrong"), steps_on(screen).step("create app"):
        raise ValueError("wrong")
    assert screen.getvalue().startswith("✗")


def test_a_long_step_is_announced_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_module, "ANNOUNCE_AFTER_SECONDS", 0.001)
    screen = Screen()
    with steps_on(screen).step("create app"):
        assert screen.printed.wait(10)
    announced, done = screen.getvalue().splitlines()
    assert "create app ..." in announced
    assert done.startswith("✓")


def test_what_a_step_found_is_printed_as_it_is() -> None:
    screen = Screen()
    with steps_on(screen).step("look") as step:
        step.result = "[red]not a colour[/red]"
    assert "[red]not a colour[/red]" in screen.getvalue()
