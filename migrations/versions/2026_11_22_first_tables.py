"""First tables: apps, deployments, pulls, deliveries, events, jobs."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_first_tables"
down_revision = None
branch_labels = None
depends_on = None

# PostgreSQL sorts by code point whatever the server's locale; SQLite always does.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(40)
NUMBER = sa.BigInteger()
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_apps()
    _create_deployments()
    _create_pulls()
    _create_deliveries()
    _create_events()
    _create_jobs()
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_in_postgresql()
    else:
        _refuse_changes_in_sqlite()


def _create_apps() -> None:
    op.create_table(
        "apps",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("repository_id", NUMBER),
        sa.Column("repository", sa.JSON()),
        sa.Column("branches", sa.JSON(), nullable=False),
        sa.Column("waiting_for", TEXT),
        sa.Column("error", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_apps"),
        sa.UniqueConstraint("slug", name="uq_apps_slug"),
        sa.UniqueConstraint("name", name="uq_apps_name"),
        sa.UniqueConstraint("repository_id", name="uq_apps_repository_id"),
    )
    op.create_index("ix_apps_created_at_id", "apps", ["created_at", "id"])


def _create_deployments() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("environment", WORD, nullable=False),
        sa.Column("namespace", TEXT, nullable=False),
        sa.Column("script", TEXT, nullable=False),
        sa.Column("branch", TEXT, nullable=False),
        sa.Column("commit", TEXT, nullable=False),
        sa.Column("message", TEXT),
        sa.Column("pull_request", NUMBER),
        sa.Column("run_id", NUMBER, nullable=False),
        sa.Column("run_number", NUMBER, nullable=False),
        sa.Column("run_attempt", NUMBER, nullable=False),
        sa.Column("run_url", TEXT, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("phases", sa.JSON(), nullable=False),
        sa.Column("error", TEXT),
        sa.Column("github_deployment_id", NUMBER),
        sa.Column("published", WORD),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
        sa.UniqueConstraint(
            "app_id", "run_id", "run_attempt", name="uq_deployments_app_id_run_id_run_attempt"
        ),
    )
    for columns in (
        ["app_id", "created_at", "id"],
        ["app_id", "environment", "created_at", "id"],
        ["app_id", "status", "created_at", "id"],
        ["app_id", "script", "run_number", "run_attempt"],
        ["app_id", "pull_request", "run_number", "run_attempt"],
    ):
        op.create_index("_".join(["ix_deployments", *columns]), "deployments", columns)


def _create_pulls() -> None:
    op.create_table(
        "pulls",
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("html_url", TEXT, nullable=False),
        sa.Column("head_branch", TEXT, nullable=False),
        sa.Column("head_commit", TEXT, nullable=False),
        sa.Column("is_from_fork", sa.Boolean(), nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("comment_id", NUMBER),
        sa.Column("comment_digest", TEXT),
        sa.PrimaryKeyConstraint("app_id", "number", name="pk_pulls"),
    )
    op.create_index("ix_pulls_app_id_is_open_number", "pulls", ["app_id", "is_open", "number"])


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("guid", TEXT, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("error", TEXT),
        sa.Column("processed_at", TIME),
        sa.Column("try_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("guid", "source", name="uq_deliveries_guid_source"),
        sqlite_autoincrement=True,
    )
    wants_work = sa.text("try_at IS NOT NULL")
    op.create_index(
        "ix_deliveries_try_at_id",
        "deliveries",
        ["try_at", "id"],
        sqlite_where=wants_work,
        postgresql_where=wants_work,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("tag", WORD, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_subject_id", "events", ["subject", "id"])


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("type", WORD, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME),
        sa.Column("finished_at", TIME),
        sa.Column("waiting_for", TEXT),
        sa.Column("error", sa.JSON()),
        sa.Column("result", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_status_created_at_id", "jobs", ["status", "created_at", "id"])


def _refuse_changes_in_sqlite() -> None:
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_refuse_{action.lower()} BEFORE {action} ON events "
            "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
        )


def _refuse_changes_in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% are append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
