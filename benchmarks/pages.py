"""How long the server takes for pages when there are 50,000 apps, one of them with over 10,000 deployments.

Whole pages and the parts that are fetched again, as `lists` asks the API: by one caller on loopback, beside a
bare Flask route and the same pages over a database that is nearly empty; and then by people who may see few
of the apps. What a browser does with them is measured by `live_pages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console

from benchmarks import people
from benchmarks.lists import AIM_SECONDS, ROUNDS, SMALL, bare, cursor, on, table
from benchmarks.populated import BEGIN, SPAN, Population, Size

if TYPE_CHECKING:
    import random

    from benchmarks.lists import Ask

LARGE: Final = Size(apps=50_000, deployments=400_000)


def main() -> None:
    """Print a table for each database."""
    floor = bare()
    for database, size in (("postgres", SMALL), ("postgres", LARGE), ("sqlite", LARGE)):
        measured = on(database, size, questions, people.settle, people.questions)
        title = f"{database}: {size.apps} apps, {size.deployments} deployments, n={ROUNDS} each"
        Console().print(table(title, [floor, *measured]))
        slow = [it.what for it in measured if it.at(0.95) > AIM_SECONDS]
        print(f"over {AIM_SECONDS * 1000:.0f} ms at p95: {', '.join(slow) or 'none'}", flush=True)


def questions(found: Population) -> dict[str, Ask]:
    """Return what is looked at; what is drawn is another app or cursor each time."""
    busiest, most = f"/apps/{found.apps[0]}", found.runs.most_common(1)[0][1]

    def an_app(dice: random.Random) -> str:
        return f"/apps/{dice.choice(found.apps)}"

    return {
        "apps": lambda _: "/",
        "apps, from a cursor": lambda dice: f"/?cursor={cursor(dice, BEGIN - SPAN, 'app_')}",
        "apps, back from a cursor": lambda dice: f"/?before={cursor(dice, BEGIN - SPAN, 'app_')}",
        "apps, searched": lambda dice: f"/?q=app-{dice.randrange(found.size.apps)}",
        "apps, searched: none": lambda _: "/?q=nothing-is-called-so",
        "apps that are detached: none": lambda _: "/?status=detached",
        "apps live in staging": lambda _: "/?environment=staging",
        "an app": an_app,
        f"the busiest app, of {most} deployments": lambda _: busiest,
        "its environments": lambda _: f"{busiest}?part=environments",
        "its timeline": lambda _: f"{busiest}?part=timeline",
        "its timeline, from a cursor": lambda dice: f"{busiest}?cursor={cursor(dice, BEGIN, 'dep_')}",
        "its activity": lambda _: f"{busiest}?part=activity",
        "the form of a new app": lambda _: "/apps/new",
    }


if __name__ == "__main__":
    main()
