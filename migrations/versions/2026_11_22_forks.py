"""Forks: where a pull request's newest commit comes from, since when it is that, and why it is not shown."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_forks"
down_revision = "2026_11_22_workers"
branch_labels = None
depends_on = None

# PostgreSQL sorts by code point whatever the server's locale; SQLite always does.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("pulls") as table:
        table.add_column(sa.Column("head_repository_id", sa.BigInteger()))
        table.add_column(sa.Column("pushed_at", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("refusal", TEXT))
        table.add_column(sa.Column("refused_commit", TEXT))
