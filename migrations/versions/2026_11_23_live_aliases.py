"""The index by which apps that are live in an environment are found; made while everybody works."""

from app.database.online import create_index

revision = "2026_11_23_live_aliases"
down_revision = "2026_11_22_owners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index(
        "ix_aliases_app_id_environment",
        "aliases",
        ["app_id", "environment"],
        where="deployment_id IS NOT NULL AND expired_at IS NULL",
    )
