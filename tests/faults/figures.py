"""What fault tests measured: kept by row and name, printed at the end of the run and written to a file.

The file holds the newest figures of every row in each form, to compare docs/reliability.md with.
Nothing is measured or judged here.
"""

import json
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

VARIABLE: Final = "BRANCHLINE_FAULTS"
FILE: Final = Path(__file__).parents[2] / ".sandbox" / "faults.json"


class Form(StrEnum):
    """How much of a fault test runs: a fair sample (`make test`, `make slow`), or all (`make faults`)."""

    SHORT = "short"
    FULL = "full"

    @classmethod
    def from_environ(cls) -> "Form":
        return cls(os.environ.get(VARIABLE) or cls.SHORT)

    def pick(self, *, short: T, full: T) -> T:
        """Return the one that is meant for this form."""
        return full if self is Form.FULL else short


@dataclass
class Figures:
    """The figures of one run; `tell` may be called again with a newer value."""

    form: Form
    told: dict[str, dict[str, Any]] = field(default_factory=dict)

    def tell(self, row: str, name: str, value: object) -> None:
        """Keep a figure: the scorecard's row (`J1`), what it is (`cells right`), and its value in JSON."""
        self.told.setdefault(row, {})[name] = value

    def lines(self) -> list[str]:
        """Return what people read."""
        return [
            f"{row:<4} {name}: {value}" for row in sorted(self.told) for name, value in self.told[row].items()
        ]

    def write(self, path: Path = FILE) -> None:
        """Add the figures to those of earlier runs; half a file is never seen."""
        known = json.loads(path.read_text()) if path.exists() else {}
        rows = known.setdefault(self.form.value, {})
        for row, told in self.told.items():
            rows[row] = {**rows.get(row, {}), **told}
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
        draft.replace(path)
