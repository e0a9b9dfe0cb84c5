"""Rotate: every secret that is kept is encrypted with the newest key, so that older keys can go.

Only the ciphertext changes: no event, no release. It may be stopped at any moment, run again, run twice at
once and run while others set secrets: each app is held while its secrets are read and written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from app.domain.environments import Environment
from app.domain.variables import Variable
from app.errors import SecretUnreadable
from app.pipeline.known import known_app
from app.ports import Records, Transaction, Vault

_BATCH: Final = 500


@dataclass(slots=True)
class Rotation:
    """How it went: how many were encrypted anew, how many need not be, and the places of the unreadable."""

    renewed: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate(records: Records, vault: Vault) -> Rotation:
    """Encrypt every secret with the newest key; one that no key opens stays as it is and is named."""
    rotation = Rotation()
    for batch in _batches(records):
        old = [it for it in batch if not vault.is_current(it.value)]
        rotation.current += len(batch) - len(old)
        for (app_id, environment), secrets in groupby(old, lambda it: (it.app_id, it.environment)):
            names = frozenset(it.name for it in secrets)
            _renew(records, vault, (app_id, environment), names, rotation)
    return rotation


def _batches(records: Records) -> Iterator[Sequence[Variable]]:
    after: tuple[str, str, str] | None = None
    while True:
        with records.read() as tx:
            batch = tx.variables.secrets(after, limit=_BATCH)
        if not batch:
            return
        yield batch
        after = (batch[-1].app_id, batch[-1].environment, batch[-1].name)


def _renew(
    records: Records, vault: Vault, of: tuple[str, Environment], names: frozenset[str], rotation: Rotation
) -> None:
    """Encrypt some secrets of one environment anew, as they are by now."""
    app_id, environment = of
    with records.begin() as tx:
        known_app(tx, app_id, lock=True)
        for secret in tx.variables.of(app_id, environment):
            if secret.is_secret and secret.name in names:
                _renew_one(tx, vault, secret, rotation)


def _renew_one(tx: Transaction, vault: Vault, secret: Variable, rotation: Rotation) -> None:
    if vault.is_current(secret.value):
        rotation.current += 1  # somebody has set it meanwhile
        return
    try:
        text = vault.open(secret.place, secret.value)
    except SecretUnreadable:
        rotation.unreadable.append(secret.place)
    else:
        tx.variables.save(replace(secret, value=vault.seal(secret.place, text)))
        rotation.renewed += 1
