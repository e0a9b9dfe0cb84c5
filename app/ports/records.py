"""Our own memory as a whole: transactions over all of it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from app.ports.events import EventArchives, Events
from app.ports.glances import Glances
from app.ports.memory import Apps, Deliveries, Deployments, Jobs, Marks, PullRequests
from app.ports.past_deliveries import PastDeliveries
from app.ports.people import ApiTokens, People, Rights, Sessions
from app.ports.reconcile import Drifts, StandingScripts, Survey
from app.ports.redelivery import MissedDeliveries
from app.ports.releases import Aliases, Approvals, Assets, OwnScripts, Tokens, Variables
from app.ports.workers import CallCounts, Slugs, Versions, Workers


@dataclass(frozen=True, slots=True)
class Transaction:
    """All that is remembered, seen at one moment and changed together."""

    apps: Apps
    deployments: Deployments
    pulls: PullRequests
    deliveries: Deliveries
    past_deliveries: PastDeliveries
    events: Events
    archives: EventArchives
    jobs: Jobs
    aliases: Aliases
    own_scripts: OwnScripts
    assets: Assets
    tokens: Tokens
    variables: Variables
    approvals: Approvals
    workers: Workers
    versions: Versions
    calls: CallCounts
    slugs: Slugs
    missed: MissedDeliveries
    marks: Marks
    standing: StandingScripts
    drifts: Drifts
    survey: Survey
    glances: Glances
    people: People
    sessions: Sessions
    api_tokens: ApiTokens
    rights: Rights


class Records(Protocol):
    """Our own memory."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """Open a transaction: committed on leaving, undone when an exception leaves.

        Raises:
            RemoteUnavailable: the database is locked or away.
        """

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that only looks; it waits for no writer."""
