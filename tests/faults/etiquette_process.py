"""One process of many that use GitHub or Cloudflare at once, with real clients and the shared ledgers.

Reads its orders as JSON from the first argument and writes one JSON line when it is done. Each thread does
the work of its apps as steps of jobs do: what is refused for a while is asked again when that is over.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.cloudflare import limits as cloudflare_limits
from app.cloudflare.client import Cloudflare
from app.database.ledgers import SqlLedgers
from app.database.session import create_engine
from app.domain.limits import Window
from app.errors import RateLimited, RemoteUnavailable
from app.github import limits as github_limits
from app.github.client import GitHub, path
from app.pacing.pacer import Pacer
from tests.accounts import cloudflare_settings, github_settings


def now() -> datetime:
    return datetime.now(UTC)


class Work:
    """What one process does, and how long it was held up by single calls."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders = orders
        self.ledgers = SqlLedgers(create_engine(orders["database"]), now)
        self.longest = 0.0
        self.given_up = 0
        self._deadline = time.monotonic() + orders["seconds"]

    def github(self) -> Callable[[int], None]:
        """Return an app's work at GitHub: writes, with a look before each."""
        settings = github_settings(self.orders["url"], write_pause_seconds=self.orders["pause"])
        pace = Pacer(github_limits.allowance(settings), self.ledgers, now)
        github = GitHub(settings, now, pace=pace)

        def write(app: int, number: int) -> None:
            with github.doing(f"writing {number} of app {app}"):
                github.request("PUT", path("repos/acme", f"app-{app}", "topics", number), {})

        def look(app: int) -> None:
            with github.doing(f"looking at app {app}"):
                github.request("GET", path("repos/acme", f"app-{app}"))

        def work(app: int) -> None:
            for number in range(self.orders["writes"]):
                self.step(lambda: look(app))
                self.step(lambda number=number: write(app, number))  # type: ignore[misc]

        return work

    def cloudflare(self) -> Callable[[int], None]:
        """Return an app's work at Cloudflare: as many calls as the time allows."""
        settings = cloudflare_settings(self.orders["url"])
        window = Window(self.orders["window_seconds"], self.orders["most"])
        allowance = replace(cloudflare_limits.allowance(settings), windows={"calls": window})
        client = Cloudflare(settings, now, pace=Pacer(allowance, self.ledgers, now, fresh_seconds=0.25))

        def work(app: int) -> None:
            while time.monotonic() < self._deadline:
                self.step(lambda: client.request("GET", f"app/{app}", doing="looking"))

        return work

    def step(self, act: Callable[[], object]) -> None:
        """Do it, as often as it takes, and come again when told to."""
        while time.monotonic() < self._deadline:
            began = time.monotonic()
            try:
                act()
            except RemoteUnavailable as error:
                self.longest = max(self.longest, time.monotonic() - began)
                wait = (error.retry_at - now()).total_seconds() if isinstance(error, RateLimited) else 1.0
                time.sleep(max(min(wait, self._deadline - time.monotonic()), 0.0) + 0.01)
            else:
                self.longest = max(self.longest, time.monotonic() - began)
                return
        self.given_up += 1


def main() -> None:
    orders = json.loads(sys.argv[1])
    process = Work(orders)
    work = {"github": process.github, "cloudflare": process.cloudflare}[orders["remote"]]()
    threads = [threading.Thread(target=work, args=(app,)) for app in orders["apps"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"longest": process.longest, "given_up": process.given_up}) + "\n")


if __name__ == "__main__":
    main()
