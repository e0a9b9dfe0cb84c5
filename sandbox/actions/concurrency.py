"""Which runs of one repository must wait for, or make way for, each other.

Pure decisions over `concurrency` as GitHub documents it: in a group one run goes on and one waits; a newer
one takes the waiting one's place, or the running one's when it says `cancel-in-progress`. A job's own
`concurrency` is honoured for the run as a whole: the run waits until all of its groups are free, since act
offers no way to hold back one job of a run.
https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.actions import expressions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.actions.workflows import Workflow


@dataclass(frozen=True)
class Group:
    """One group that a run belongs to."""

    name: str
    cancels: bool


@dataclass(frozen=True)
class Member:
    """A run, as seen by its group: `holds` is true when it may go on, false when it waits."""

    run_id: int
    holds: bool


def groups(workflow: Workflow, contexts: Mapping[str, Any]) -> tuple[Group, ...]:
    """Return the groups that a run of `workflow` belongs to, its own first, without repetition.

    Raises: ExpressionError.
    """
    sources = [workflow.concurrency, *(job.concurrency for job in workflow.jobs)]
    found = [_group(source, contexts) for source in sources if source is not None]
    return tuple({group.name: group for group in found if group.name}.values())


def to_cancel(group: Group, others: Iterable[Member]) -> list[int]:
    """Return the ids of the earlier runs in `group` that a new one ends."""
    return [member.run_id for member in others if group.cancels or not member.holds]


def _group(source: Any, contexts: Mapping[str, Any]) -> Group:
    if not isinstance(source, dict):
        return Group(_name(source, contexts), cancels=False)
    cancels = expressions.value_of(source.get("cancel-in-progress", False), contexts)
    return Group(_name(source.get("group", ""), contexts), cancels=cancels is True or cancels == "true")


def _name(source: Any, contexts: Mapping[str, Any]) -> str:
    """Return a group's name; GitHub does not distinguish case in it."""
    return expressions.as_text(expressions.value_of(source, contexts)).lower()
