"""`ports.Records` in a database: transactions, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database.aliases import SqlAliases
from app.database.apps import SqlApps
from app.database.deliveries import SqlDeliveries
from app.database.deployments import SqlDeployments
from app.database.drifts import SqlDrifts
from app.database.event_archives import SqlEventArchives
from app.database.events import SqlEvents
from app.database.glances import SqlGlances
from app.database.jobs import Enqueue, SqlJobs
from app.database.marks import SqlMarks
from app.database.missed import SqlMissedDeliveries
from app.database.outages import Outage
from app.database.own_scripts import SqlOwnScripts
from app.database.past_deliveries import SqlPastDeliveries
from app.database.people import SqlApiTokens, SqlPeople, SqlRights, SqlSessions
from app.database.proofs import SqlApprovals, SqlAssets, SqlTokens
from app.database.pulls import SqlPullRequests
from app.database.session import reading, writing
from app.database.slugs import SqlSlugs
from app.database.standing import SqlStandingScripts
from app.database.survey import SqlSurvey
from app.database.variables import SqlVariables
from app.database.workers import SqlCallCounts, SqlVersions, SqlWorkers
from app.ports import Clock, Transaction


class SqlRecords:
    """Our memory in the database of `engine`.

    `enqueue` is called inside `Jobs.enqueue` with the session of the transaction: what it writes there is
    committed, or undone, together with our rows. With an `outage`, nobody waits for a database that is known
    to be away.
    """

    def __init__(
        self, engine: Engine, enqueue: Enqueue, clock: Clock, *, outage: Outage | None = None
    ) -> None:
        self._engine = engine
        self._enqueue = enqueue
        self._clock = clock
        self._outage = outage

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Open a transaction: committed on leaving, undone when an exception leaves.

        Raises:
            RemoteUnavailable: the database is locked or away.
        """
        with self._outage.watch() if self._outage else nullcontext(), writing(self._engine) as session:
            yield self._transaction(session)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that only looks; it waits for no writer."""
        if self._outage is not None and self._engine.dialect.name != "sqlite":
            self._outage.check()  # who reads an SQLite file waits for nothing that could be away
        with reading(self._engine) as session:
            yield self._transaction(session)

    def _transaction(self, session: Session) -> Transaction:
        return Transaction(
            apps=SqlApps(session),
            deployments=SqlDeployments(session),
            pulls=SqlPullRequests(session),
            deliveries=SqlDeliveries(session),
            past_deliveries=SqlPastDeliveries(session),
            events=SqlEvents(session),
            archives=SqlEventArchives(session),
            jobs=SqlJobs(session, self._enqueue, self._clock),
            aliases=SqlAliases(session),
            own_scripts=SqlOwnScripts(session),
            assets=SqlAssets(session),
            tokens=SqlTokens(session),
            variables=SqlVariables(session),
            approvals=SqlApprovals(session),
            workers=SqlWorkers(session),
            versions=SqlVersions(session),
            calls=SqlCallCounts(session),
            slugs=SqlSlugs(session),
            missed=SqlMissedDeliveries(session),
            marks=SqlMarks(session),
            standing=SqlStandingScripts(session),
            drifts=SqlDrifts(session),
            survey=SqlSurvey(session),
            glances=SqlGlances(session),
            people=SqlPeople(session),
            sessions=SqlSessions(session),
            api_tokens=SqlApiTokens(session),
            rights=SqlRights(session),
        )
