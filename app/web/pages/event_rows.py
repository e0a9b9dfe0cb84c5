"""Facts as rows of a page: what happened in words, to what, by whom, because of what.

Everything in them is text; links lead to pages of ours alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.events import Event, Tag
from app.ports import Transaction
from app.web.guard import caller

_PAGES: Final[Mapping[str, str]] = {
    "dpl_": "/deployments/",
    "job_": "/jobs/",
    "app_": "/apps/",
    "wrk_": "/workers/",
}
# What of a payload says most, in the order in which it is read.
_TELLING: Final = (
    *("step", "function", "name", "environment", "branch", "pullRequest", "commit", "type"),
    *("for", "status", "reason", "message", "error"),
)
_MOST_WORDS: Final = 4
_LONGEST_WORD: Final = 200
_COMMIT_LENGTH: Final = 40
_BAD: Final = ("failed", "error", "lost", "refused")
_GOOD: Final = ("ready", "completed", "released", "healed", "restored")


@dataclass(frozen=True, slots=True)
class EventRow:
    """A fact as it is shown; an address is None where there is no page about it."""

    event: Event
    words: str
    tone: str
    gist: str
    subject_url: str | None
    owner_name: str | None
    owner_url: str | None
    actor_url: str | None
    cause_url: str | None

    @property
    def is_about_its_owner(self) -> bool:
        """The subject is the app, or the worker, itself."""
        return self.event.subject == self.event.owner_id


def groups() -> Sequence[str]:
    """Return the beginnings of tags, up to their first colon."""
    return sorted({str(tag).partition(":")[0] for tag in Tag})


def rows_of(tx: Transaction, events: Sequence[Event]) -> list[EventRow]:
    """Return facts as rows, with the names of the apps and workers that they belong to, asked for once."""
    owners = {event.owner_id for event in events if event.owner_id is not None}
    names = tx.glances.names(owners) if owners else {}
    return [_row(event, names) for event in events]


def page_of(subject: str) -> str | None:
    """Return the address of the page about an id; None when there is none."""
    return next((f"{page}{subject}" for kind, page in _PAGES.items() if subject.startswith(kind)), None)


def _row(event: Event, names: Mapping[str, str]) -> EventRow:
    owner = event.owner_id
    name = names.get(owner) if owner else None
    return EventRow(
        event=event,
        words=str(event.tag).replace(":", " ").replace("-", " "),
        tone=_tone(str(event.tag)),
        gist=" · ".join(_gist(event)),
        subject_url=page_of(event.subject),
        owner_name=name,
        owner_url=page_of(owner) if owner and name else None,
        actor_url=page_of(event.actor) if event.actor.startswith("job_") else None,
        cause_url=_cause_url(event.cause),
    )


def _cause_url(cause: str | None) -> str | None:
    """Return where to read about a cause; of deliveries only operators read."""
    if cause is None or cause.startswith("job_"):
        return None if cause is None else page_of(cause)
    return f"/deliveries/{cause}" if caller().is_operator else None


def _tone(tag: str) -> str:
    if tag.endswith(_BAD):
        return "bad"
    return "good" if tag.endswith(_GOOD) else "plain"


def _gist(event: Event) -> list[str]:
    """Return what of a fact is worth reading and not in its tag already."""
    told = (_word(event.payload.get(name)) for name in _TELLING)
    return [word for word in told if word and word not in str(event.tag)][:_MOST_WORDS]


def _word(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value)
    is_commit = len(text) == _COMMIT_LENGTH and text.isalnum()
    return text[:7] if is_commit else text[:_LONGEST_WORD]
