"""Marks in the database: how far something got."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.reliability_models import MarkRow
from app.database.rows import insert_if_new, one, replace_known


class SqlMarks:
    """`ports.Marks` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str, *, lock: bool = False) -> str | None:
        """Return it; None when it was never set. `lock` holds it until the transaction ends, if it is set."""
        statement = select(MarkRow).where(MarkRow.name == name)
        row = one(self._session, statement.with_for_update() if lock else statement)
        return None if row is None else row.value

    def set(self, name: str, value: str) -> None:
        """Keep it, new or known."""
        values = {"name": name, "value": value}
        if not insert_if_new(self._session, MarkRow, values):
            replace_known(self._session, MarkRow, MarkRow.name == name, values)
