"""The indexes of what the revision before added to tables that may be large: made while everybody works."""

from app.database.online import create_index

revision = "2026_11_22_reliability_indexes"
down_revision = "2026_11_22_reliability"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_events_position_id", "events", ["position", "id"])
    create_index("ix_events_app_id_position_id", "events", ["app_id", "position", "id"])
    create_index("ix_events_app_id_tag_position_id", "events", ["app_id", "tag", "position", "id"])
    create_index("ix_events_tag_position_id", "events", ["tag", "position", "id"])
    create_index("ix_events_key", "events", ["key"], unique=True)
    create_index("ix_deliveries_body_sha256", "deliveries", ["body_sha256"])
    create_index("ix_deliveries_status_id", "deliveries", ["status", "id"])
    create_index("ix_deliveries_received_at", "deliveries", ["received_at"])
    create_index(
        "ix_deliveries_processed_at_id",
        "deliveries",
        ["processed_at", "id"],
        where="processed_at IS NOT NULL",
    )
    create_index("ix_apps_status", "apps", ["status"])
