"""Where a job can be killed: points that are told while it runs, not listed by hand. Pure, but for reading.

A step that a job repeats (it polls) counts by its first time, so that a point told in one run is met in the
next.
"""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path


class Moment(StrEnum):
    """When, within a step."""

    BEFORE = "before the action"
    MIDDLE = "after a write reached the remote, before its answer is used"
    AFTER = "after the action, before its checkpoint"
    KEPT = "after the checkpoint"


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of a step of a job; `write` counts the external writes of the step, `call` says which."""

    step: str
    moment: Moment
    write: int = 0
    call: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Point":
        told = json.loads(line)
        return cls(**told | {"moment": Moment(told["moment"])})

    @property
    def name(self) -> tuple[str, Moment, int]:
        """What is the same in two runs; ids in addresses are not."""
        return self.step, self.moment, self.write

    def of(self, app: str, *, written: str) -> "Point":
        """Return it with one app's name in its step written in another way."""
        return replace(self, step=self.step.replace(app, written))

    def __str__(self) -> str:
        what = f" {self.write} ({self.call})" if self.moment is Moment.MIDDLE else ""
        return f"{self.step}: {self.moment}{what}"


def read_points(path: Path) -> list[Point]:
    """Return the points that a run told, each once, in order."""
    told = (Point.from_json(line) for line in path.read_text().splitlines())
    return list({point.name: point for point in reversed(list(told))}.values())[::-1]


def sample(points: Sequence[Point], size: int, seed: int) -> list[Point]:
    """Return `size` points, of every moment at least one, the others by lot."""
    lot = random.Random(seed)  # noqa: S311 - chooses tests, keeps no secret
    chosen = [lot.choice(kind) for kind in _by_moment(points)]
    others = [point for point in points if point not in chosen]
    chosen += lot.sample(others, max(0, min(size - len(chosen), len(others))))
    return sorted(chosen, key=points.index)


def _by_moment(points: Sequence[Point]) -> Iterable[list[Point]]:
    kinds = ([point for point in points if point.moment is moment] for moment in Moment)
    return (kind for kind in kinds if kind)
