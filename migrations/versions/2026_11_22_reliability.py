"""Reliability: events in one order, deliveries to replay, what stands at Cloudflare, drift, limits."""

from datetime import UTC, datetime

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

# What was put up before anybody wrote it down; nobody knows what its bytes were called.
_STANDING = (
    (
        "SELECT namespace, script, app_id, deployment_id, updated_at FROM aliases "
        "WHERE deployment_id IS NOT NULL AND expired_at IS NULL"
    ),
    (
        "SELECT namespace, own_script, app_id, id, uploaded_at FROM deployments "
        "WHERE own_script IS NOT NULL AND uploaded_at IS NOT NULL AND retired_at IS NULL"
    ),
    (
        "SELECT workers.namespace, worker_versions.own_script, workers.id, worker_versions.id, uploaded_at "
        "FROM worker_versions JOIN workers ON workers.id = worker_id "
        "WHERE uploaded_at IS NOT NULL AND retired_at IS NULL AND expired_at IS NULL"
    ),
)


def upgrade() -> None:
    _create_standing_scripts()
    _create_drifts()
    _create_missed_deliveries()
    _create_remote_limits()
    _create_archives()
    _create_totals()
    # What is in use comes last, in the order in which those who serve come to it, so that none waits for us
    # while we wait for it.
    _widen_deliveries()
    op.add_column("apps", sa.Column("heal", WORD))
    _widen_events()
    if op.get_bind().dialect.name == "sqlite":
        _keep_events_in_sqlite()
    else:
        _order_events_in_postgresql()
        _keep_events_in_postgresql()


def _create_totals() -> None:
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
    # From now on every change of what an environment shows is a fact (app/pipeline/at.py).
    marks = sa.table("marks", sa.column("name"), sa.column("value"))
    now = datetime.now(UTC).isoformat()
    op.execute(marks.insert().values(name="environment:changed", value=now))


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
        sa.Column("seen_at", TIME),
        sa.PrimaryKeyConstraint("namespace", "script", name="pk_standing_scripts"),
    )
    op.create_index("ix_standing_scripts_app_id", "standing_scripts", ["app_id"])
    for known in _STANDING:
        op.execute(f"INSERT INTO standing_scripts (namespace, script, app_id, subject, put_at) {known}")


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
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open"),
    )


def _create_missed_deliveries() -> None:
    op.create_table(
        "missed_deliveries",
        sa.Column("guid", TEXT, nullable=False),
        sa.Column("app_id", TEXT),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("sent_at", TIME, nullable=False),
        sa.Column("attempt_id", NUMBER, nullable=False),
        sa.Column("status_code", NUMBER, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("is_redelivery", sa.Boolean(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("tries", NUMBER, nullable=False),
        sa.Column("try_at", TIME),
        sa.Column("reason", TEXT),
        sa.PrimaryKeyConstraint("guid", name="pk_missed_deliveries"),
    )
    op.create_index(
        "ix_missed_deliveries_try_at",
        "missed_deliveries",
        ["try_at"],
        sqlite_where=sa.text("try_at IS NOT NULL"),
        postgresql_where=sa.text("try_at IS NOT NULL"),
    )


def _create_remote_limits() -> None:
    op.create_table(
        "remote_limits",
        sa.Column("remote", TEXT, nullable=False),
        sa.Column("next_turn_at", TIME),
        sa.Column("written_at", TIME),
        sa.Column("silent_until", TIME),
        sa.Column("taken", sa.JSON(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("calls", sa.JSON(), nullable=False),
        sa.Column("silences", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("remote", name="pk_remote_limits"),
    )


def _create_archives() -> None:
    op.create_table(
        "event_archives",
        sa.Column("first_position", NUMBER, nullable=False),
        sa.Column("first_id", NUMBER, nullable=False),
        sa.Column("last_position", NUMBER, nullable=False),
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


def _keep_events_in_sqlite() -> None:
    """Let only those facts go that an archive holds."""
    op.execute("DROP TRIGGER events_refuse_delete")
    op.execute(
        "CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events WHEN NOT EXISTS ("
        "SELECT 1 FROM event_archives WHERE (OLD.position, OLD.id) >= (first_position, first_id) "
        "AND (OLD.position, OLD.id) <= (last_position, last_id)) "
        "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    )
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER event_archives_refuse_{action.lower()} BEFORE {action} ON event_archives "
            "BEGIN SELECT RAISE(ABORT, 'event_archives are append-only'); END"
        )


def _order_events_in_postgresql() -> None:
    """Give facts the numbers of their transactions, those of older processes too, and wake who follows."""
    op.execute(
        "CREATE FUNCTION event_position() RETURNS bigint LANGUAGE sql VOLATILE AS "
        """$$ SELECT pg_current_xact_id()::text::bigint + (SELECT "offset" FROM event_epoch) $$"""
    )
    op.execute("ALTER TABLE events ALTER COLUMN position SET DEFAULT event_position()")
    op.execute(
        "CREATE FUNCTION notify_of_events() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('branchline_events', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_notify AFTER INSERT ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION notify_of_events()"
    )


def _keep_events_in_postgresql() -> None:
    """Let only those facts go that an archive holds."""
    op.execute("DROP TRIGGER events_refuse_change ON events")
    op.execute(
        "CREATE TRIGGER events_refuse_change BEFORE UPDATE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF EXISTS (SELECT 1 FROM event_archives "
        "WHERE (OLD.position, OLD.id) >= (first_position, first_id) "
        "AND (OLD.position, OLD.id) <= (last_position, last_id)) THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION '% are append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_refuse_loss BEFORE DELETE ON events "
        "FOR EACH ROW EXECUTE FUNCTION refuse_loss()"
    )
    op.execute(
        "CREATE TRIGGER event_archives_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event_archives "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
