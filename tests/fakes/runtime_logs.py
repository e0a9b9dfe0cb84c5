"""What scripts said, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.ports.runtime_logs import RuntimeLine
from tests.fakes.faults import Faults


@dataclass
class FakeRuntimeLogs:
    """`ports.RuntimeLogs`; `asked` counts the questions."""

    lines: list[RuntimeLine] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    asked: int = 0

    def newest(
        self, scripts: Sequence[str], *, since: datetime, until: datetime, limit: int
    ) -> Sequence[RuntimeLine]:
        self.asked += 1
        with self.faults.during("newest"):
            found = [it for it in self.lines if it.script in scripts and since <= it.at <= until]
            return sorted(found, key=lambda line: (line.at, line.id))[-limit:]
