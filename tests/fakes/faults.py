"""Trouble on demand: the next call of a fake fails, before or after it did its work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.errors import BranchlineError


@dataclass(frozen=True, slots=True)
class Fault:
    """`is_late`: the work is done and only the answer is lost."""

    error: BranchlineError
    call: str | None
    is_late: bool


@dataclass
class Faults:
    """Faults that wait for their call, and the calls that came, in order."""

    calls: list[str] = field(default_factory=list)
    waiting: list[Fault] = field(default_factory=list)

    def fail_next(
        self, error: BranchlineError, *, call: str | None = None, times: int = 1, is_late: bool = False
    ) -> None:
        """Raise `error` from the next `times` calls, or the next of `call` ("fork", "commit", ...)."""
        self.waiting += [Fault(error, call, is_late)] * times

    @contextmanager
    def during(self, call: str) -> Iterator[None]:
        """Surround a call: an early fault keeps it from happening, a late one hides that it did."""
        self.calls.append(call)
        fault = self._take(call)
        if fault and not fault.is_late:
            raise fault.error
        yield
        if fault:
            raise fault.error

    def _take(self, call: str) -> Fault | None:
        fault = next((it for it in self.waiting if it.call in {None, call}), None)
        if fault:
            self.waiting.remove(fault)
        return fault
