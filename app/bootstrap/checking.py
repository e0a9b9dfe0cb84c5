"""The check of a database and what belongs to it, after a restore or at any time; it only looks."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.bootstrap.shared import Shared
from app.database.backup import damages
from app.database.bundle_uses import live_bundles, used_bundles
from app.database.event_archives import archived_blobs
from app.database.schema import check_schema
from app.pipeline.verify import Verified, missing_blobs, verify
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """The database's damages, the jobs that nobody will finish, and the bundles that are live or in use.

    `lost_archives` are those of events that the store lacks: nothing else holds these.
    """

    damages: tuple[str, ...]
    lost_jobs: int
    live: Verified
    used: Verified
    lost_archives: tuple[str, ...]


def check_database(environ: Mapping[str, str], *, deep: bool) -> Checked:
    """Look at everything. Raises Misconfigured, and RemoteUnavailable when something cannot be looked at."""
    shared = Shared(Settings.from_environ(environ))
    try:
        check_schema(shared.database)
        with shared.records.read() as tx:
            unfinished = tx.jobs.unfinished(limit=100_000)
        return Checked(
            damages=tuple(damages(shared.database)),
            lost_jobs=len(shared.engine.lost(unfinished)),
            live=verify(shared.bundles, live_bundles(shared.database), deep=deep),
            used=verify(shared.bundles, used_bundles(shared.database), deep=deep),
            lost_archives=missing_blobs(shared.bundles, archived_blobs(shared.database), deep=deep),
        )
    finally:
        shared.engine.close()
        shared.database.dispose()
