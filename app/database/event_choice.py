"""How facts are found: through an index, whatever is said of them and however few of them one may see."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select, union_all
from sqlalchemy.orm import Session

from app.database.models import EventRow
from app.database.reaching import each_within, readable
from app.domain.events import Selection

Conditions = Sequence[ColumnElement[bool]]

# Whoever sees so few would have everybody's facts searched for theirs; of more, some is told all the time.
_FEW: Final = 100


def choice(
    session: Session, chosen: Selection, conditions: Conditions, *, order: Sequence[Any], limit: int
) -> Select[EventRow]:
    """Return a statement that finds at least the first facts that are chosen and in reach, in that order."""
    few = _few_owners(session, chosen)
    if few is not None:
        each = [_said(replace(chosen, app_id=owner), conditions) for owner in few]
        return _first_of_each(each, order, limit)
    within = [*conditions, *each_within(chosen.reach, EventRow.app_id)]
    if chosen.tag is None or _is_told_more(chosen) or chosen.left_out is not None:
        return select(EventRow).where(*_said(chosen, within))
    # An index holds each tag in order, and not several tags together.
    return _first_of_each([[EventRow.tag == tag, *within] for tag in _tags(chosen)], order, limit)


def _few_owners(session: Session, chosen: Selection) -> Sequence[str] | None:
    """Return whose facts are looked for one by one; None when others decide what is looked at."""
    person_id = chosen.reach.person_id
    if person_id is None or _is_told_more(chosen) or chosen.reach.app_id is not None:
        return None
    found = session.execute(readable(person_id).limit(_FEW + 1)).all()
    return [owner for (owner,) in found] if len(found) <= _FEW else None


def _is_told_more(chosen: Selection) -> bool:
    return (chosen.subject, chosen.app_id, chosen.actor) != (None, None, None)


def _said(chosen: Selection, conditions: Conditions) -> Conditions:
    pairs = (
        (EventRow.subject, chosen.subject),
        (EventRow.app_id, chosen.app_id),
        (EventRow.actor, chosen.actor),
    )
    said = [column == value for column, value in pairs if value is not None]
    return [*conditions, *said, *_of_tag(chosen)]


def _of_tag(chosen: Selection) -> Conditions:
    """Return the condition on tags; what is left out is skipped on the way, for most is not."""
    if chosen.tag is None:
        return []
    if chosen.left_out is None:
        return [EventRow.tag.in_(_tags(chosen))]
    is_group = chosen.left_out.endswith(":")
    return [~EventRow.tag.startswith(chosen.left_out) if is_group else EventRow.tag != chosen.left_out]


def _tags(chosen: Selection) -> Sequence[str]:
    return sorted(str(tag) for tag in chosen.tags)


def _first_of_each(several: Sequence[Conditions], order: Sequence[Any], limit: int) -> Select[EventRow]:
    """Return a statement for the first facts of each of some kinds; of none at all for no kind."""
    if not several:
        return select(EventRow).where(EventRow.id.is_(None))
    each = (select(EventRow.id).where(*conditions) for conditions in several)
    found = (select(it.order_by(*order).limit(limit).subquery().c.id) for it in each)
    return select(EventRow).where(EventRow.id.in_(union_all(*found)))
