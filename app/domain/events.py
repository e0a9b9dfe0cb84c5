"""Facts: what happened, told in the past tense with tags that never change their meaning.

An event is only ever appended. Everything else that is recorded could be told again from them.

Who did it, `actor`, has one of these forms:

    token            in older facts: whoever bore the API's token and did not say who they are
    ada              a person, named by whoever bears the token (`by`)
    person:octocat   a person who signed in here, by their login at GitHub
    token:ci         a token of the API, by its name
    operator         whoever bears the operator's own token and did not say who they are
    github:octocat   a person, by their login at GitHub
    github           GitHub itself: what it says of runs, repositories and installations
    workflow         a run of an app's workflow, which proved what it is
    job_…            a job of ours; `job`, in older facts too, when which one does not matter
    clock            nobody: its time had come
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from app.domain.callers import EVERYWHERE, Reach
from app.errors import InvalidInput

_PLACE: Final = re.compile(r"(\d{1,19})-(\d{1,19})", re.ASCII)


class Tag(StrEnum):
    """Every tag there is; `docs/api.md` explains each (a test compares)."""

    APP_REQUESTED = "app:requested"
    APP_REPOSITORY_FORKED = "app:repository:forked"
    APP_REPOSITORY_GENERATED = "app:repository:generated"
    APP_REPOSITORY_IMPORTED = "app:repository:imported"
    APP_SYNCED = "app:synced"
    APP_REPOSITORY_RENAMED = "app:repository:renamed"
    APP_REPOSITORY_LOST = "app:repository:lost"
    APP_REPOSITORY_FOUND = "app:repository:found"
    APP_READY = "app:ready"
    APP_FAILED = "app:failed"
    APP_POLICY_SET = "app:policy-set"
    APP_DELETION_REQUESTED = "app:deletion-requested"
    APP_DELETED = "app:deleted"
    FILES_COMMITTED = "files:committed"
    BRANCH_PUSHED = "branch:pushed"
    BRANCH_DELETED = "branch:deleted"
    DEPLOYMENT_QUEUED = "deployment:queued"
    DEPLOYMENT_BUILDING = "deployment:building"
    DEPLOYMENT_DEPLOYING = "deployment:deploying"
    DEPLOYMENT_READY = "deployment:ready"
    DEPLOYMENT_ERROR = "deployment:error"
    DEPLOYMENT_CANCELLED = "deployment:cancelled"
    DEPLOYMENT_SUPERSEDED = "deployment:superseded"
    DEPLOYMENT_REMOVED = "deployment:removed"
    DEPLOYMENT_UPLOADED = "deployment:uploaded"
    DEPLOYMENT_PROMOTED = "deployment:promoted"
    DEPLOYMENT_REDEPLOY_REQUESTED = "deployment:redeploy-requested"
    DEPLOYMENT_EXPIRED = "deployment:expired"
    DEPLOYMENT_RESTORED = "deployment:restored"
    ENVIRONMENT_ROLLED_BACK = "environment:rolled-back"
    ENVIRONMENT_RESUMED = "environment:resumed"
    ENVIRONMENT_RELEASED = "environment:released"
    ENVIRONMENT_CHANGED = "environment:changed"
    PREVIEW_EXPIRED = "preview:expired"
    VARIABLE_SET = "variable:set"
    VARIABLE_REMOVED = "variable:removed"
    SECRET_SET = "secret:set"  # noqa: S105 - a tag
    SECRET_REMOVED = "secret:removed"  # noqa: S105 - a tag
    PREVIEW_APPROVED = "preview:approved"
    PREVIEW_REFUSED = "preview:refused"
    PULL_REQUEST_OPENED = "pull-request:opened"
    PULL_REQUEST_PUSHED = "pull-request:pushed"
    PULL_REQUEST_CLOSED = "pull-request:closed"
    DELIVERY_REPLAY_REQUESTED = "delivery:replay-requested"
    DELIVERY_REDELIVERY_REQUESTED = "delivery:redelivery-requested"
    DELIVERY_FETCHED = "delivery:fetched"
    DELIVERY_LOST = "delivery:lost"
    FUNCTION_INVOKED = "function:invoked"
    WORKER_DEPLOYED = "worker:deployed"
    WORKER_KEPT = "worker:kept"
    WORKER_EXPIRED = "worker:expired"
    WORKER_RESTORED = "worker:restored"
    WORKER_DELETED = "worker:deleted"
    DRIFT_FOUND = "drift:found"
    DRIFT_HEALED = "drift:healed"
    DRIFT_GONE = "drift:gone"
    JOB_QUEUED = "job:queued"
    JOB_STARTED = "job:started"
    JOB_WAITING = "job:waiting"
    JOB_STEP_COMPLETED = "job:step:completed"
    JOB_COMPLETED = "job:completed"
    JOB_FAILED = "job:failed"
    JOB_RETRY_REQUESTED = "job:retry-requested"
    JOB_CANCEL_REQUESTED = "job:cancel-requested"
    PERSON_SIGNED_IN = "person:signed-in"
    PERSON_SIGNED_OUT = "person:signed-out"
    TOKEN_CREATED = "token:created"  # noqa: S105 - a tag
    TOKEN_REVOKED = "token:revoked"  # noqa: S105 - a tag


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a fact stands in the one order in which none comes to light before one that is known already.

    Written as `position-id`, which callers hand back and do not read.
    """

    position: int
    id: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read one back. Raises InvalidInput."""
        found = _PLACE.fullmatch(text)
        if found is None or max(numbers := [int(it) for it in found.groups()]) >= 2**63:
            raise InvalidInput("reading a place in the events: we gave no such", code="event:invalid-place")
        return cls(*numbers)

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.position}-{self.id}"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about `subject` (an id or a script), by `actor`. Its tag may be one of a newer release.

    `app_id` is the app, or the worker, that it belongs to, `cause` the delivery or job because of which it
    came about. A fact with a `key` is told once, however often it is written down. `id` and `place` are given
    to it when it is kept: facts of one app have their ids in the order in which they came about.
    """

    tag: str
    subject: str
    actor: str
    at: datetime
    payload: Mapping[str, Any]
    id: int | None = None
    app_id: str | None = None
    cause: str | None = None
    key: str | None = None
    place: Place | None = None

    @property
    def owner_id(self) -> str | None:
        """The app, or the worker, that it belongs to, also where nobody said so: its subject's."""
        if self.app_id is not None:
            return self.app_id
        if self.subject.startswith(("app_", "wrk_")):
            return self.subject
        told = self.payload.get("app")
        return told if isinstance(told, str) else None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which facts: all, or those that are all that is said here.

    A tag that ends in a colon is the beginning of theirs; behind a minus, theirs is any other.
    """

    subject: str | None = None
    app_id: str | None = None
    tag: str | None = None
    actor: str | None = None
    reach: Reach = EVERYWHERE

    def __post_init__(self) -> None:
        """Refuse a tag that none has. Raises InvalidInput."""
        if self.tag is not None and not self.tags:
            raise InvalidInput(f"choosing events: there is no tag {self.tag[:60]}", code="event:unknown-tag")

    @property
    def left_out(self) -> str | None:
        """What of a tag, or the whole of one, is not wanted; None when the wanted ones are named."""
        return self.tag.removeprefix("-") if self.tag is not None and self.tag.startswith("-") else None

    @property
    def tags(self) -> frozenset[Tag]:
        """Every tag that it takes; all of them when it names none."""
        return frozenset(tag for tag in Tag if self._takes_tag(tag))

    def takes(self, event: Event) -> bool:
        """Tell whether a fact is one of them, wherever it is from."""
        return (
            self.subject in {None, event.subject}
            and self.app_id in {None, event.app_id}
            and self.actor in {None, event.actor}
            and self._takes_tag(event.tag)
        )

    def _takes_tag(self, tag: str) -> bool:
        if self.tag is None:
            return True
        named = self.left_out or self.tag
        is_named = tag.startswith(named) if named.endswith(":") else tag == named
        return is_named is (self.left_out is None)
