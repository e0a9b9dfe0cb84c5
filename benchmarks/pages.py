"""How long the server takes for a page when there are 50,000 apps and a million deployments.

On PostgreSQL and on SQLite, asked and compared as `lists` does: the floor is a bare Flask route in the same
run. What a browser makes of a page, and how soon it shows a change, is measured by `live_pages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console

from benchmarks.lists import AIM_SECONDS, ROUNDS, bare, cursor, on, table
from benchmarks.populated import BEGIN, SPAN, Population, Size, deployment_id, job_id

if TYPE_CHECKING:
    import random

    from benchmarks.lists import Ask


LARGE: Final = Size()


def main() -> None:
    """Print a table for each database."""
    floor = bare()
    for database in ("postgres", "sqlite"):
        size = LARGE
        measured = on(database, size, questions)
        title = f"{database}: {size.apps} apps, {size.deployments} deployments, n={ROUNDS} each"
        Console().print(table(title, [floor, *measured]))
        slow = [it.what for it in measured if it.at(0.95) > AIM_SECONDS]
        print(f"over {AIM_SECONDS * 1000:.0f} ms at p95: {', '.join(slow) or 'none'}", flush=True)


def questions(found: Population) -> dict[str, Ask]:
    """Return what is asked for, by what it is called."""
    apps, size = found.apps, found.size
    busiest = f"/apps/{apps[0]}"

    def an_app(dice: random.Random) -> str:
        return f"/apps/{dice.choice(apps)}"

    def number(dice: random.Random) -> int:
        return dice.randrange(0, size.deployments, 5)

    return {
        "all apps": lambda _: "/",
        "all apps, from a cursor": lambda dice: f"/?cursor={cursor(dice, BEGIN - SPAN, 'app_')}",
        "apps that are called so": lambda dice: f"/?q=app-{dice.randrange(size.apps)}",
        "apps live in production": lambda _: "/?environment=production",
        "an app": an_app,
        "the busiest app": lambda _: busiest,
        "its timeline alone": lambda _: f"{busiest}?part=timeline",
        "a deployment": lambda dice: f"/deployments/{deployment_id(number(dice))}",
        "a job": lambda dice: f"/jobs/{job_id(number(dice))}",
        "activity": lambda _: "/activity",
    }


if __name__ == "__main__":
    main()
