"""Variables and secrets in the database; a secret comes and goes as ciphertext."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import and_, delete, select, tuple_
from sqlalchemy.orm import Session

from app.database.release_models import VariableRow
from app.database.rows import insert_if_new, replace_known, several
from app.domain.environments import Environment
from app.domain.variables import Variable


class SqlVariables:
    """`ports.Variables` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, app_id: str, environment: Environment) -> Sequence[Variable]:
        """Return those of an environment by name."""
        statement = select(VariableRow).where(
            VariableRow.app_id == app_id, VariableRow.environment == environment
        )
        return [_variable(row) for row in several(self._session, statement.order_by(VariableRow.name))]

    def save(self, variable: Variable) -> None:
        """Keep it, new or known."""
        values = asdict(variable)
        if not insert_if_new(self._session, VariableRow, values):
            key = and_(
                VariableRow.app_id == variable.app_id,
                VariableRow.environment == variable.environment,
                VariableRow.name == variable.name,
            )
            replace_known(self._session, VariableRow, key, values)

    def remove(self, app_id: str, environment: Environment, name: str) -> bool:
        """Let it go; False when there was none."""
        statement = delete(VariableRow).where(
            VariableRow.app_id == app_id,
            VariableRow.environment == environment,
            VariableRow.name == name,
        )
        return self._session.execute(statement.returning(VariableRow.name)).first() is not None

    def secrets(self, after: tuple[str, str, str] | None, *, limit: int) -> Sequence[Variable]:
        """Return secrets of all apps in the order of app, environment and name, after such a place."""
        place = (VariableRow.app_id, VariableRow.environment, VariableRow.name)
        statement = select(VariableRow).where(VariableRow.is_secret.is_(True)).order_by(*place).limit(limit)
        if after is not None:
            app_id, environment, name = after
            statement = statement.where(tuple_(*place) > tuple_(app_id, Environment(environment), name))
        return [_variable(row) for row in several(self._session, statement)]

    def forget(self, app_id: str) -> None:
        """Let all of an app go."""
        self._session.execute(delete(VariableRow).where(VariableRow.app_id == app_id))


def _variable(row: VariableRow) -> Variable:
    return Variable(
        app_id=row.app_id,
        environment=row.environment,
        name=row.name,
        value=row.value,
        is_secret=row.is_secret,
        updated_at=row.updated_at,
        actor=row.actor,
    )
