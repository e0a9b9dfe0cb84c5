"""Workers: their versions, how often they are called, and the slugs that they share with apps."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_workers"
down_revision = "2026_11_22_releases"
branch_labels = None
depends_on = None

# PostgreSQL sorts by code point whatever the server's locale; SQLite always does.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(40)
NUMBER = sa.BigInteger()


def upgrade() -> None:
    _create_workers()
    _create_versions()
    _create_calls()
    op.create_table(
        "slugs",
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_slugs"),
    )
    op.execute("INSERT INTO slugs (slug, owner_id) SELECT slug, id FROM apps")


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("environment", WORD, nullable=False),
        sa.Column("namespace", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("version_id", TEXT),
        sa.Column("newest", NUMBER, nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("expired_at", TIME),
        sa.Column("error", TEXT),
        sa.Column("holder", TEXT),
        sa.Column("held_until", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
        sa.UniqueConstraint("slug", name="uq_workers_slug"),
        sa.UniqueConstraint("name", name="uq_workers_name"),
    )
    op.create_index("ix_workers_created_at_id", "workers", ["created_at", "id"])
    _index_time("expires_at", "expires_at IS NOT NULL AND expired_at IS NULL")
    _index_time("held_until", "held_until IS NOT NULL")


def _index_time(column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(f"ix_workers_{column}", "workers", [column], sqlite_where=where, postgresql_where=where)


def _create_versions() -> None:
    op.create_table(
        "worker_versions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("worker_id", TEXT, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("bundle", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("own_script", TEXT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("functions", sa.JSON(), nullable=False),
        sa.Column("uploaded_at", TIME),
        sa.Column("retired_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_worker_versions"),
        sa.UniqueConstraint("own_script", name="uq_worker_versions_own_script"),
    )
    op.create_index(
        "ix_worker_versions_worker_id_number", "worker_versions", ["worker_id", "number"], unique=True
    )


def _create_calls() -> None:
    op.create_table(
        "worker_calls",
        sa.Column("worker_id", TEXT, nullable=False),
        sa.Column("function", TEXT, nullable=False),
        sa.Column("invocations", NUMBER, nullable=False),
        sa.Column("failures", NUMBER, nullable=False),
        sa.Column("last_invoked_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("worker_id", "function", name="pk_worker_calls"),
    )
