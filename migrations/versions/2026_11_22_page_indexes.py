"""The indexes of lists that people look at: jobs, and what somebody did; made while everybody works."""

from app.database.online import create_index

revision = "2026_11_22_page_indexes"
down_revision = "2026_11_22_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_events_actor_position_id", "events", ["actor", "position", "id"])
    create_index("ix_jobs_created_at_id", "jobs", ["created_at", "id"])
    create_index("ix_jobs_app_id_created_at_id", "jobs", ["app_id", "created_at", "id"])
    create_index("ix_jobs_type_created_at_id", "jobs", ["type", "created_at", "id"])
