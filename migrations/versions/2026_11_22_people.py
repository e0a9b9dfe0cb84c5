"""People: who signed in, their sessions and tokens, what they may do, and whose a worker is."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_people"
down_revision = "2026_11_22_reliability_indexes"
branch_labels = None
depends_on = None

# PostgreSQL sorts by code point whatever the server's locale; SQLite always does.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger()


def upgrade() -> None:
    _create_people()
    _create_sessions()
    _create_api_tokens()
    op.create_table(
        "rights",
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("level", NUMBER, nullable=False),
        sa.Column("looked_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "app_id", name="pk_rights"),
    )
    op.create_index("ix_rights_app_id", "rights", ["app_id"])
    op.add_column("workers", sa.Column("owner_id", TEXT))


def _create_people() -> None:
    op.create_table(
        "people",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("github_id", NUMBER, nullable=False),
        sa.Column("login", TEXT, nullable=False),
        sa.Column("name", TEXT),
        sa.Column("avatar_url", TEXT),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("signed_in_at", TIME, nullable=False),
        sa.Column("access", sa.LargeBinary()),
        sa.Column("listed_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("github_id", name="uq_people_github_id"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("form_key", TEXT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("agent", TEXT),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_seen_at", "sessions", ["seen_at"])
    op.create_index("ix_sessions_created_at", "sessions", ["created_at"])


def _create_api_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("hint", TEXT, nullable=False),
        sa.Column("person_id", TEXT),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("app_id", TEXT),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("digest", name="uq_api_tokens_digest"),
    )
    op.create_index("ix_api_tokens_person_id_created_at", "api_tokens", ["person_id", "created_at"])
    op.create_index("ix_api_tokens_created_at_id", "api_tokens", ["created_at", "id"])
