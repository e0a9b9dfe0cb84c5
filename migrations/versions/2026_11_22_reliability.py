"""Reliability: events in one order, deliveries to replay, what stands at Cloudflare, drift, limits."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_reliability"
down_revision = "2026_11_22_forks"
branch_labels = None
depends_on = None

# PostgreSQL sorts by code point whatever the server's locale; SQLite always does.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(40)
NUMBER = sa.BigInteger()


def upgrade() -> None:
    _widen_events()
    _widen_deliveries()
    op.add_column("apps", sa.Column("heal", WORD))
    _create_standing_scripts()
    _create_drifts()
    _create_remote_limits()
    _create_archives()
    op.create_table(
        "metric_totals",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("labels", TEXT, nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name="pk_metric_totals"),
    )
    op.create_table(
        "marks",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
    )


def _widen_events() -> None:
    op.add_column("events", sa.Column("app_id", TEXT))
    op.add_column("events", sa.Column("cause", TEXT))
    op.add_column("events", sa.Column("key", TEXT))
    op.add_column("events", sa.Column("position", NUMBER, nullable=False, server_default=sa.text("0")))


def _widen_deliveries() -> None:
    op.add_column("deliveries", sa.Column("body_sha256", TEXT))
    op.add_column("deliveries", sa.Column("acked_version", NUMBER))


def _create_standing_scripts() -> None:
    op.create_table(
        "standing_scripts",
        sa.Column("namespace", TEXT, nullable=False),
        sa.Column("script", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("etag", TEXT),
        sa.Column("put_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "script", name="pk_standing_scripts"),
    )
    op.create_index("ix_standing_scripts_app_id", "standing_scripts", ["app_id"])


def _create_drifts() -> None:
    op.create_table(
        "drifts",
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "kind", "subject", name="pk_drifts"),
    )
    op.create_index(
        "ix_drifts_found_at_app_id",
        "drifts",
        ["found_at", "app_id"],
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    )


def _create_remote_limits() -> None:
    op.create_table(
        "remote_limits",
        sa.Column("remote", TEXT, nullable=False),
        sa.Column("next_turn_at", TIME),
        sa.Column("silent_until", TIME),
        sa.Column("window_began_at", TIME),
        sa.Column("window_calls", NUMBER, nullable=False),
        sa.Column("total_calls", NUMBER, nullable=False),
        sa.Column("remaining", NUMBER),
        sa.Column("reset_at", TIME),
        sa.PrimaryKeyConstraint("remote", name="pk_remote_limits"),
    )


def _create_archives() -> None:
    op.create_table(
        "event_archives",
        sa.Column("first_id", NUMBER, nullable=False),
        sa.Column("last_id", NUMBER, nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("archived_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("first_id", name="pk_event_archives"),
    )
    op.create_table(
        "event_epoch",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("offset", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_epoch"),
    )
    op.execute('INSERT INTO event_epoch (id, "offset") VALUES (1, 0)')
