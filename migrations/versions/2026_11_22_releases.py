"""Releases: what is live is what an alias says; bundles, variables, approvals, proofs used once."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_releases"
down_revision = "2026_11_22_first_tables"
branch_labels = None
depends_on = None

# PostgreSQL sorts by code point whatever the server's locale; SQLite always does.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(40)
NUMBER = sa.BigInteger()


def upgrade() -> None:
    _extend_deployments()
    _create_aliases()
    _create_assets()
    _create_tokens()
    _create_variables()
    _create_approvals()
    _name_what_is_live()


def _extend_deployments() -> None:
    with op.batch_alter_table("deployments") as table:
        for name in ("own_script", "bundle", "promoted_from", "actor"):
            table.add_column(sa.Column(name, TEXT))
        for name in ("uploaded_at", "expires_at", "retired_at"):
            table.add_column(sa.Column(name, TIME))
        table.add_column(sa.Column("is_from_fork", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.create_unique_constraint("uq_deployments_own_script", ["own_script"])
        table.drop_constraint("uq_deployments_app_id_run_id_run_attempt", type_="unique")
    ran = sa.text("promoted_from IS NULL")
    op.create_index(
        "ix_deployments_app_id_run_id_run_attempt",
        "deployments",
        ["app_id", "run_id", "run_attempt"],
        unique=True,
        sqlite_where=ran,
        postgresql_where=ran,
    )
    _index_expiry("deployments", "retired_at")


def _index_expiry(table: str, ended_at: str) -> None:
    expires = sa.text(f"expires_at IS NOT NULL AND {ended_at} IS NULL")
    op.create_index(
        f"ix_{table}_expires_at", table, ["expires_at"], sqlite_where=expires, postgresql_where=expires
    )


def _create_aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("script", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("environment", WORD, nullable=False),
        sa.Column("namespace", TEXT, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("pull_request", NUMBER),
        sa.Column("deployment_id", TEXT),
        sa.Column("run_number", NUMBER, nullable=False),
        sa.Column("run_attempt", NUMBER, nullable=False),
        sa.Column("is_pinned", sa.Boolean(), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.Column("actor", TEXT),
        sa.Column("holder", TEXT),
        sa.Column("held_until", TIME),
        sa.Column("expires_at", TIME),
        sa.Column("expired_at", TIME),
        sa.PrimaryKeyConstraint("script", name="pk_aliases"),
    )
    op.create_index("ix_aliases_app_id_script", "aliases", ["app_id", "script"])
    _index_expiry("aliases", "expired_at")


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("size_bytes", NUMBER, nullable=False),
        sa.Column("content_type", TEXT),
        sa.PrimaryKeyConstraint("scope", "name", name="pk_assets"),
    )


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
    )
    op.create_index("ix_tokens_until", "tokens", ["until"])


def _create_variables() -> None:
    op.create_table(
        "variables",
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("environment", WORD, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("app_id", "environment", "name", name="pk_variables"),
    )
    op.create_index(
        "ix_variables_is_secret_app_id_environment_name",
        "variables",
        ["is_secret", "app_id", "environment", "name"],
    )


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("pull_request", NUMBER, autoincrement=False, nullable=False),
        sa.Column("commit", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("approved_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("app_id", "pull_request", "commit", name="pk_approvals"),
    )


def _name_what_is_live() -> None:
    """Point an alias at the newest deployment that is ready on a script: so far that was what was live."""
    op.execute(
        """
        INSERT INTO aliases (script, app_id, environment, namespace, updated_at, pull_request, deployment_id,
                             run_number, run_attempt, is_pinned, is_settled)
        SELECT script, app_id, environment, namespace, updated_at, pull_request, id, run_number, run_attempt,
               false, true
        FROM (
            SELECT deployments.*,
                   row_number() OVER (PARTITION BY script ORDER BY run_number DESC, run_attempt DESC) AS place
            FROM deployments WHERE status = 'ready'
        ) AS ready
        WHERE place = 1
        """
    )
