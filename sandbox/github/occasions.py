"""Handing what happened to Actions, in order; a run must not be lost when the site dies in between.

An occasion is handed over at least once.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from sandbox.actions.ports import Occasion

if TYPE_CHECKING:
    from sandbox.github.site import Site

_log = logging.getLogger(__name__)


def drain(site: Site) -> None:
    """Hand every waiting occasion over."""
    while site.actions and (row := site.database.one("SELECT * FROM occasions ORDER BY id LIMIT 1")):
        occasion = Occasion(**json.loads(row["document"]))
        try:
            site.actions.on_event(occasion)
        except Exception:  # noqa: BLE001 - the queue must not wait for one broken workflow file
            _log.exception("Actions failed on %s in repository %s", occasion.event, occasion.repository_id)
        site.database.execute("DELETE FROM occasions WHERE id = ?", row["id"])
