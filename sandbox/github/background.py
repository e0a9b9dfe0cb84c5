"""The site's own thread: finishes forks, hands occasions over, and keeps the webhook senders busy."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sandbox.github import copies, occasions
from sandbox.github.deliveries import Deliveries

if TYPE_CHECKING:
    from sandbox.github.site import Site

IDLE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Background:
    """One loop that wakes on news, or when a fork is due."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._closing = threading.Event()
        self._deliveries = Deliveries(site, self._closing)
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def start(self) -> None:
        """Begin with whatever the last run left over."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and return after the present round."""
        self._closing.set()
        self._site.news.set()
        self._thread.join()

    def close(self) -> None:
        """Wait, once stopped, for what is being sent."""
        self._deliveries.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._site.news.clear()
            try:
                self._round()
            except Exception:  # noqa: BLE001 - one bad row must not stop every webhook
                _log.exception("the background loop goes on after an error")
            self._site.news.wait(min(IDLE_SECONDS, copies.seconds_until_due(self._site)))

    def _round(self) -> None:
        copies.finish_due(self._site)
        occasions.drain(self._site)
        self._deliveries.dispatch()
