"""What Alembic runs: it works on the connection that `app.database.migrate` opened and locked."""

from alembic import context

from app.database import (  # noqa: F401 - so that Base knows their tables
    people_models,
    release_models,
    reliability_models,
    worker_models,
)
from app.database.migrate import COMPARISON
from app.database.models import Base

connection = context.config.attributes["connection"]
# SQLite alters a table by making it anew.
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
    **COMPARISON,
)
with context.begin_transaction():
    context.run_migrations()
