"""Reactions to comments as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github.shapes import accounts

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

CONTENTS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def reaction(site: Site, row: Row) -> dict[str, Any]:
    """Return one reaction."""
    return {
        "id": row["id"],
        "node_id": accounts.node_id("REA", row["id"]),
        "user": accounts.user_by_id(site, row["user_id"]),
        "content": row["content"],
        "created_at": row["created_at"],
    }


def summary(site: Site, url: str, comment_id: int | None = None) -> dict[str, Any]:
    """Return how often each reaction was given to what is at `url`; only comments have any."""
    query = "SELECT content, count(*) AS number FROM reactions WHERE comment_id = ? GROUP BY content"
    counts = {row["content"]: row["number"] for row in site.database.all(query, comment_id)}
    total = {"url": f"{url}/reactions", "total_count": sum(counts.values())}
    return total | {content: counts.get(content, 0) for content in CONTENTS}
