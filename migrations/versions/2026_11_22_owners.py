"""The index by which the workers of one person are found; made while everybody works."""

from app.database.online import create_index

revision = "2026_11_22_owners"
down_revision = "2026_11_22_page_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_workers_owner_id_created_at_id", "workers", ["owner_id", "created_at", "id"])
