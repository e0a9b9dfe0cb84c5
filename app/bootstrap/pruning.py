"""The pruning of the bundle store: the database and the store, and nothing else."""

from collections.abc import Mapping
from datetime import timedelta

from app.bootstrap.shared import Shared, utc_now
from app.database.bundle_uses import used_bundles
from app.database.event_archives import archived_blobs
from app.database.schema import check_schema
from app.pipeline.prune import Pruned, prune
from app.settings import Settings


def prune_bundles(environ: Mapping[str, str], *, older_than: timedelta) -> Pruned:
    """Delete what nothing needs and is older than that. Raises Misconfigured."""
    shared = Shared(Settings.from_environ(environ))
    try:
        check_schema(shared.database)
        archived = archived_blobs(shared.database)
        return prune(shared.bundles, used_bundles(shared.database), utc_now() - older_than, archived)
    finally:
        shared.database.dispose()
