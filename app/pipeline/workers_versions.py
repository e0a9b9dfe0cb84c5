"""Versions of a worker that were: what their authors wrote, and how one of them goes live again.

Nothing is turned back: an earlier version's code becomes the newest version.
"""

from collections.abc import Sequence

from app.domain.sources import Source
from app.domain.workers import Version
from app.errors import NotFound
from app.pipeline.workers_deploy import Deployed, update_worker
from app.pipeline.workers_putting import Workshop
from app.pipeline.workers_sources import read_sources
from app.ports import Bundles, Transaction


def version_of(tx: Transaction, key: str, version_id: str) -> Version:
    """Return a version of a worker. Raises NotFound, also for one of another worker."""
    worker, missing = tx.workers.get(key), f"looking for version {version_id[:60]} of a worker: there is none"
    try:
        version = tx.versions.get(version_id)
    except NotFound:
        raise NotFound(missing, code="worker:no-such-version") from None
    if version.worker_id != worker.id or version.id != version_id or version.uploaded_at is None:
        raise NotFound(missing, code="worker:no-such-version")
    return version


def written_sources(version: Version, bundles: Bundles) -> Sequence[Source]:
    """Return a version's files as they were written. Raises NotFound when they are kept no more."""
    found = read_sources(version.source, bundles)
    return [Source(path, content.decode(errors="replace")) for path, content in found.items()]


def restore_version(
    key: str, version_id: str, *, actor: str, to: Workshop, replaces: str | None = None
) -> Deployed:
    """Put an earlier version's code and options up as the newest version.

    Raises as `update_worker` does, and NotFound when there is no such version or its code is kept no more.
    """
    with to.records.read() as tx:
        version = version_of(tx, key, version_id)
    sources = written_sources(version, to.bundles)
    return update_worker(
        version.worker_id, sources, lambda _: version.options, actor=actor, to=to, replaces=replaces
    )
