"""Limits: how often a remote may be asked, and what was asked of it already, by whichever process.

A ledger is a value: it is read, changed and kept by others. All times are seconds by one clock, that of
whoever keeps the ledger. Nothing waits here, and nothing is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeVar

K = TypeVar("K")

# A window is counted in this many pieces; the more there are, the less of it is lost to caution.
_PIECES: Final = 30
# Calls are taken in advance for as long as one piece, and may be under way for as long as another.
_SLACK_PIECES: Final = 2
# What reconciling and sweeping may use of everything; the rest is kept for what people wait for.
BACKGROUND_SHARE: Final = 0.8
# Turns are a little further apart than the remote asks for: one may be sent a little late, the next on time.
_CAUTION: Final = 1.15
# Nobody asks for silence for longer; what says so was written by a clock that was put back since.
_LONGEST_SILENCE_SECONDS: Final = 2 * 3600.0
_FURTHEST_TURN_SECONDS: Final = 30.0


class CallKind(StrEnum):
    """What a call does there."""

    READ = "read"
    WRITE = "write"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Window:
    """In any `seconds` a remote takes calls that cost `most` together."""

    seconds: float
    most: int

    @property
    def piece_seconds(self) -> float:
        """How long one piece of it is."""
        return self.seconds / _PIECES

    def left_at(self, piece: int) -> float:
        """Return when what was taken in a piece counts no more, however late it was sent."""
        return (piece + 1 + _SLACK_PIECES) * self.piece_seconds + self.seconds


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a remote allows: its windows, what each kind of call costs of them, and the pause between writes.

    `resources` says by which budget of the remote's own a kind is counted there.
    """

    remote: str
    name: str
    windows: Mapping[str, Window] = field(default_factory=dict)
    costs: Mapping[CallKind, Mapping[str, int]] = field(default_factory=dict)
    resources: Mapping[CallKind, str] = field(default_factory=dict)
    pause_seconds: float = 0.0

    @property
    def spacing_seconds(self) -> float:
        """How far apart turns are."""
        return self.pause_seconds * _CAUTION

    def cost(self, kind: CallKind) -> Mapping[str, int]:
        """Return what one call costs of each window there is."""
        return {name: cost for name, cost in self.costs.get(kind, {}).items() if name in self.windows}

    def part(self, parts: int) -> "Allowance":
        """Return one of equal parts: what a process may do that cannot ask what the others do."""
        windows = {name: replace(it, most=max(it.most // parts, 1)) for name, it in self.windows.items()}
        return replace(self, windows=windows, pause_seconds=self.pause_seconds * parts)


@dataclass(frozen=True, slots=True)
class Told:
    """What the remote itself said of one of its budgets."""

    limit: int
    remaining: int
    reset_at: float

    def spare(self, *, is_urgent: bool) -> int:
        """Return how much of it is left for calls of this urgency."""
        return self.remaining if is_urgent else self.remaining - int(self.limit * (1 - BACKGROUND_SHARE))


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was asked of one remote, and what it said.

    `next_turn_at` is the first turn that nobody has, `written_at` when the last write was sent; `taken` holds
    for each window what was taken in each piece of it, `calls` how many calls of each kind there ever were,
    `silences` how often it asked for silence.
    """

    next_turn_at: float = 0.0
    written_at: float = 0.0
    silent_until: float = 0.0
    taken: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)
    calls: Mapping[CallKind, int] = field(default_factory=dict)
    silences: int = 0

    def silent_seconds(self, now: float) -> float:
        """Return for how long nothing may be asked."""
        left = self.silent_until - now
        return left if 0 < left <= _LONGEST_SILENCE_SECONDS else 0.0

    def silenced(self, until: float) -> "Ledger":
        """Return it silent until then; an earlier time than the one known changes nothing."""
        return replace(self, silent_until=max(until, self.silent_until), silences=self.silences + 1)

    def used(self, name: str, window: Window, now: float) -> int:
        """Return what counts of a window now."""
        return max(sum(_counting(self.taken.get(name, {}), window, now).values()), 0)

    def room(self, allowance: Allowance, kind: CallKind, now: float, *, is_urgent: bool) -> int | None:
        """Return how many calls may be taken; None where nothing limits them."""
        rooms = []
        for name, cost in allowance.cost(kind).items():
            window = allowance.windows[name]
            left = _most(window, is_urgent=is_urgent) - self.used(name, window, now)
            rooms.append(left // cost)
        return max(min(rooms), 0) if rooms else None

    def room_at(self, allowance: Allowance, kind: CallKind, now: float, *, is_urgent: bool) -> float:
        """Return when one call may be taken."""
        found = [now]
        for name, cost in allowance.cost(kind).items():
            window = allowance.windows[name]
            counting = _counting(self.taken.get(name, {}), window, now)
            excess = sum(counting.values()) + cost - _most(window, is_urgent=is_urgent)
            for piece in sorted(counting):
                if excess <= 0:
                    break
                excess -= counting[piece]
                found.append(window.left_at(piece))
        return max(found)

    def take(self, allowance: Allowance, kind: CallKind, calls: int, at: float) -> "Ledger":
        """Return it with calls taken that are sent about then, or given back where `calls` is negative."""
        taken = {name: dict(pieces) for name, pieces in self.taken.items()}
        for name, cost in allowance.cost(kind).items():
            pieces = taken.setdefault(name, {})
            piece = int(at // allowance.windows[name].piece_seconds)
            pieces[piece] = pieces.get(piece, 0) + cost * calls
        return replace(self, taken=taken)

    def count(self, kind: CallKind, calls: int) -> "Ledger":
        """Return it with calls counted that were sent."""
        return replace(self, calls={**self.calls, kind: self.calls.get(kind, 0) + calls})

    def turn_at(self, allowance: Allowance, now: float) -> float:
        """Return the first turn that nobody has."""
        return max(
            now, *(it for it in (self.next_turn_at, self.clear_at(allowance, now)) if _is_sane(it, now))
        )

    def clear_at(self, allowance: Allowance, now: float) -> float:
        """Return when a write may be sent, whoever's turn it is."""
        earliest = self.written_at + allowance.spacing_seconds
        return max(now, earliest) if _is_sane(earliest, now) else now

    def merged(self, other: "Ledger") -> "Ledger":
        """Return it with what was written into another one meanwhile."""
        return Ledger(
            next_turn_at=max(self.next_turn_at, other.next_turn_at),
            written_at=max(self.written_at, other.written_at),
            silent_until=max(self.silent_until, other.silent_until),
            taken={
                name: _sum(self.taken.get(name, {}), other.taken.get(name, {}))
                for name in {**self.taken, **other.taken}
            },
            told={**self.told, **other.told},
            calls=_sum(self.calls, other.calls),
            silences=self.silences + other.silences,
        )

    def without_what_is_over(self, allowance: Allowance, now: float) -> "Ledger":
        """Return it with the pieces alone that count."""
        taken = {
            name: _counting(pieces, allowance.windows[name], now)
            for name, pieces in self.taken.items()
            if name in allowance.windows
        }
        return replace(self, taken=taken)


def _is_sane(turn: float, now: float) -> bool:
    """Defensive: a turn that nobody would have waited for was given by a clock that was put back since."""
    return turn - now < _FURTHEST_TURN_SECONDS


def _sum(one: Mapping[K, int], other: Mapping[K, int]) -> dict[K, int]:
    # No piece holds less than nothing, though more was given back than is known of.
    return {key: max(one.get(key, 0) + other.get(key, 0), 0) for key in {**one, **other}}


def _most(window: Window, *, is_urgent: bool) -> int:
    return window.most if is_urgent else int(window.most * BACKGROUND_SHARE)


def _counting(taken: Mapping[int, int], window: Window, now: float) -> Mapping[int, int]:
    """Return the pieces that count; later ones than now were written by a clock that was put back since."""
    newest = (now + _FURTHEST_TURN_SECONDS) // window.piece_seconds
    return {piece: it for piece, it in taken.items() if window.left_at(piece) > now and piece <= newest}
