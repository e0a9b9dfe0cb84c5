"""Assets, used tokens and approvals in the database: small facts that are written once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.database.release_models import ApprovalRow, AssetRow, TokenRow
from app.database.rows import insert_if_new, one, several
from app.domain.approvals import Approval
from app.domain.bundles import KnownAsset

# Well below the number of parameters that a statement may have.
_AT_ONCE: Final = 500


class SqlAssets:
    """`ports.Assets` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def known(self, scope: str, names: Sequence[str]) -> Mapping[str, KnownAsset]:
        """Return those of `names` that were uploaded before."""
        found: dict[str, KnownAsset] = {}
        for some in _batches(names):
            statement = select(AssetRow).where(AssetRow.scope == scope, AssetRow.name.in_(some))
            for row in several(self._session, statement):
                found[row.name] = KnownAsset(row.sha256, row.size_bytes, row.content_type)
        return found

    def add(self, scope: str, assets: Mapping[str, KnownAsset]) -> None:
        """Keep what was uploaded under its name; one that is known stays as it is."""
        is_postgresql = self._session.get_bind().dialect.name == "postgresql"
        for some in _batches(sorted(assets)):
            rows = [
                {
                    "scope": scope,
                    "name": name,
                    "sha256": assets[name].sha256,
                    "size_bytes": assets[name].size_bytes,
                    "content_type": assets[name].content_type,
                }
                for name in some
            ]
            insert = postgresql.insert(AssetRow) if is_postgresql else sqlite.insert(AssetRow)
            self._session.execute(insert.values(rows).on_conflict_do_nothing())


class SqlTokens:
    """`ports.Tokens` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def use(self, token_id: str, until: datetime) -> bool:
        """Take note of a use; False when it was used before. It may be forgotten after `until`."""
        return insert_if_new(self._session, TokenRow, {"id": token_id, "until": until})

    def forget(self, before: datetime) -> None:
        """Let go of those that ended by themselves."""
        self._session.execute(delete(TokenRow).where(TokenRow.until < before))


class SqlApprovals:
    """`ports.Approvals` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, app_id: str, pull_request: int, commit: str) -> Approval | None:
        """Return who approved a commit, or None."""
        statement = select(ApprovalRow).where(
            ApprovalRow.app_id == app_id,
            ApprovalRow.pull_request == pull_request,
            ApprovalRow.commit == commit,
        )
        row = one(self._session, statement)
        if row is None:
            return None
        return Approval(row.app_id, row.pull_request, row.commit, row.actor, row.approved_at)

    def add(self, approval: Approval) -> bool:
        """Keep it; False when the commit was approved already, and nothing changes."""
        values = {
            "app_id": approval.app_id,
            "pull_request": approval.pull_request,
            "commit": approval.commit,
            "actor": approval.actor,
            "approved_at": approval.approved_at,
        }
        return insert_if_new(self._session, ApprovalRow, values)


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]
