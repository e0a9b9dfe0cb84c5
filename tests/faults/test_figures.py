"""Figures are kept by row and form, and a later run adds to them."""

import json
from pathlib import Path

import pytest

from tests.faults.figures import VARIABLE, Figures, Form


def test_a_later_run_adds_to_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "faults.json"
    first, second = Figures(Form.SHORT), Figures(Form.FULL)
    first.tell("J1", "cells right", "6 of 6")
    second.tell("J1", "cells right", "60 of 60")
    second.tell("J2", "lost", 0)
    for run in (first, second):
        run.write(path)
    expected = {
        "short": {"J1": {"cells right": "6 of 6"}},
        "full": {"J1": {"cells right": "60 of 60"}, "J2": {"lost": 0}},
    }
    assert json.loads(path.read_text()) == expected
    assert second.lines() == ["J1   cells right: 60 of 60", "J2   lost: 0"]


def test_the_form_is_short_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Form.from_environ() is Form.SHORT
    monkeypatch.setenv(VARIABLE, "full")
    assert Form.from_environ().pick(short=1, full=2) == 2
