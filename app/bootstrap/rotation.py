"""The rotation of the keys of secrets: the database and the vault, and nothing else."""

from collections.abc import Mapping

from app.bootstrap.shared import Shared
from app.database.schema import check_schema
from app.pipeline.rotate import Rotation, rotate
from app.settings import Settings


def rotate_secrets(environ: Mapping[str, str]) -> Rotation:
    """Encrypt every secret with the newest key. Raises Misconfigured."""
    shared = Shared(Settings.from_environ(environ))
    try:
        check_schema(shared.database)
        return rotate(shared.records, shared.vault)
    finally:
        shared.database.dispose()
