"""Drift notes: what looks found and what was done about it, kept and written down as facts.

It changes our memory only, in the transaction that it is given.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.drift import Drift, Kind
from app.domain.events import Event, Tag
from app.ports import Transaction


@dataclass(frozen=True, slots=True)
class Reach:
    """What a look was able to see: these kinds of these apps. What it did not find of that is over."""

    app_ids: Collection[str]
    kinds: Collection[Kind]


def note(tx: Transaction, found: Iterable[Drift], reach: Reach, at: datetime, actor: str) -> list[Drift]:
    """Keep what a look found, and call over what it did not find any more; return what is open now."""
    known = {it.key: it for it in tx.drifts.of(reach.app_ids)}
    still = [_kept(tx, it, known.get(it.key), at, actor) for it in found]
    keys = {it.key for it in still}
    for before in known.values():
        if before.kind in reach.kinds and before.key not in keys:
            end(tx, before, at, actor)
    return still


def end(tx: Transaction, drift: Drift, at: datetime, actor: str) -> None:
    """Call a drift over that a look did not find any more."""
    tx.drifts.save(replace(drift, seen_at=at, is_open=False))
    _tell(tx, Tag.DRIFT_GONE, drift, at, actor)


def note_healed(tx: Transaction, drift: Drift, did: str, at: datetime, actor: str) -> None:
    """Write down what was done about a drift. Whether that was enough, the next look says."""
    tx.drifts.save(replace(drift, seen_at=at, is_open=False))
    _tell(tx, Tag.DRIFT_HEALED, drift, at, actor, did=did)


def note_given_up(tx: Transaction, drift: Drift, why: str, at: datetime) -> None:
    """Write down why healing came to nothing, and would again."""
    tx.drifts.save(replace(drift, facts={**drift.facts, "outcome": why}, seen_at=at))


def note_failed(tx: Transaction, drift: Drift, why: str, at: datetime) -> None:
    """Write down why healing failed this time."""
    tx.drifts.save(replace(drift, facts={**drift.facts, "error": why}, seen_at=at))


def _kept(tx: Transaction, drift: Drift, before: Drift | None, at: datetime, actor: str) -> Drift:
    if before is None:
        kept = replace(drift, found_at=at, seen_at=at)
        _tell(tx, Tag.DRIFT_FOUND, kept, at, actor)
    else:
        outcome = {"outcome": before.facts["outcome"]} if before.is_given_up else {}
        kept = replace(drift, facts={**drift.facts, **outcome}, found_at=before.found_at, seen_at=at)
    tx.drifts.save(kept)
    return kept


def _tell(tx: Transaction, tag: Tag, drift: Drift, at: datetime, actor: str, **more: Any) -> None:
    payload = {"kind": drift.kind.value, "subject": drift.subject, "facts": dict(drift.facts), **more}
    tx.events.append(Event(tag, drift.app_id, actor, at, payload, app_id=drift.app_id))
