"""How often what is tried with drawn values is tried: a sample in `make test`, thoroughly by `make proofs`.

`BRANCHLINE_PROOFS=full` chooses the thorough form. Both make the same claims; they differ in how many
examples hypothesis draws, and how many seeds an order of events is drawn from.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _pytest.mark import ParameterSet

T = TypeVar("T")

_VARIABLE: Final = "BRANCHLINE_PROOFS"
_SHORT_EXAMPLES: Final = 50
_FULL_EXAMPLES: Final = 1000


def pick(*, short: T, full: T) -> T:
    """Return the one that is meant for this form."""
    return full if os.environ.get(_VARIABLE) == "full" else short


def seeds(*, short: int, full: int) -> Sequence[ParameterSet]:
    """Return seeds to parametrize a test with, which `make proofs` finds by their mark."""
    return [pytest.param(seed, marks=pytest.mark.proof) for seed in range(pick(short=short, full=full))]


def load() -> None:
    """Tell hypothesis the usual number; a slow machine is no failure."""
    for name, number in (("short", _SHORT_EXAMPLES), ("full", _FULL_EXAMPLES)):
        hypothesis.settings.register_profile(name, max_examples=number, deadline=None)
    hypothesis.settings.load_profile(pick(short="short", full="full"))
