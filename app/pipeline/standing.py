"""Standing: a script goes up or comes down at the platform, and it is written down that it did.

The record follows the act: a process that dies between the two leaves a record that is behind, which
reconciling finds. Whoever acts holds what the script belongs to.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.standing import StandingScript
from app.ports import Clock, Records, Scripts, Transaction, Upload


class Keeper(Protocol):
    """The ports that it takes; whoever has more of them will do."""

    @property
    def records(self) -> Records:
        """Our memory."""

    @property
    def scripts(self) -> Scripts:
        """Where scripts live."""

    @property
    def clock(self) -> Clock:
        """The time."""


@dataclass(frozen=True, slots=True)
class Place:
    """A script, and the app or worker that it belongs to."""

    owner_id: str
    namespace: str
    script: str


def put(place: Place, subject: str, upload: Upload, to: Keeper) -> None:
    """Put a script up that shows `subject`, a deployment or a version. Raises as `Scripts.put` does."""
    etag = to.scripts.put(place.namespace, place.script, upload)
    standing = StandingScript(
        place.namespace, place.script, place.owner_id, subject, etag=etag, put_at=to.clock()
    )
    with to.records.begin() as tx:
        tx.standing.put(standing)


def delete(namespace: str, script: str, to: Keeper) -> bool:
    """Delete a script; False when it was gone already."""
    is_deleted = to.scripts.delete(namespace, script)
    forget(namespace, [script], to)
    return is_deleted


def delete_all(owner_id: str, namespace: str, tag: str, to: Keeper) -> None:
    """Delete every script of an app or a worker, which all bear `tag`."""
    to.scripts.delete_tagged(namespace, tag)
    with to.records.begin() as tx:
        tx.standing.remove(namespace, [it.script for it in tx.standing.of(owner_id, namespace)])


def delete_tagged(namespace: str, tag: str, scripts: Collection[str], to: Keeper) -> None:
    """Delete every script that bears `tag`; as far as we know these are `scripts`."""
    to.scripts.delete_tagged(namespace, tag)
    forget(namespace, scripts, to)


def presume(tx: Transaction, place: Place, subject: str, at: datetime) -> None:
    """Write down that a script may stand, until it is found gone; nobody said what its bytes are called."""
    standing = StandingScript(place.namespace, place.script, place.owner_id, subject, etag=None, put_at=at)
    tx.standing.put(standing)


def forget(namespace: str, scripts: Collection[str], to: Keeper) -> None:
    """Write down that scripts are gone."""
    with to.records.begin() as tx:
        tx.standing.remove(namespace, scripts)
