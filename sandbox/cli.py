"""The commands `sandbox` and `demo`: the city without and with the story.

Both stay up until Ctrl-C. What a city is stands in `city`, what is told in `story`.
"""

from __future__ import annotations

import itertools
import signal
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sandbox.checkout import GitFailed
from sandbox.city import City, CityFailed
from sandbox.daemon import DaemonFailed
from sandbox.developer import Developer
from sandbox.plan import DEVELOPER, OPERATOR
from sandbox.steps import Steps
from sandbox.story import Story
from sandbox.story_functions import APP_SUFFIX, tell_of_functions
from sandbox.waiting import NeverHappened
from sandbox.web import Unexpected

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXPECTED = (CityFailed, DaemonFailed, GitFailed, NeverHappened, Unexpected)

_directory = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".sandbox"),
    show_default=True,
    help="Where the city keeps its state.",
)


@click.command()
@click.option("--reset", is_flag=True, help="Forget all state first.")
@_directory
def sandbox(directory: Path, *, reset: bool) -> None:
    """Start a GitHub, a Cloudflare and a control plane on this machine, until Ctrl-C."""
    steps = Steps()
    with _ended_by_signals() as ended, _failing(steps):
        city = City(directory, steps)
        if reset:
            city.reset()
        with city:
            _show_addresses(steps, city)
            _stay(steps, city, ended)


@click.command()
@click.option("--exit", "exits", is_flag=True, help="Stop after the story instead of staying up.")
@_directory
def demo(directory: Path, *, exits: bool) -> None:
    """Tell the whole story on this machine: app, rollback, pull request, preview; functions."""
    steps = Steps()
    started_at = time.monotonic()
    with _ended_by_signals() as ended, _failing(steps), City(directory, steps) as city:
        story = _tell(city, steps)
        steps.say(f"\nThe story took {time.monotonic() - started_at:.1f} s.\n")
        _show_places(steps, story.places)
        if not exits:
            _show_addresses(steps, city)
            _stay(steps, city, ended)


def _tell(city: City, steps: Steps) -> Story:
    with (
        tempfile.TemporaryDirectory(prefix="branchline-demo-") as workspace,
        Developer(city.plan.facts(), Path(workspace)) as developer,
    ):
        story = Story(developer, steps)
        story.tell(_free_name(developer, "hello"))
        story.places |= tell_of_functions(developer, steps, _free_name(developer, "kiosk"))
    return story


def _free_name(developer: Developer, name: str) -> str:
    """Return `name`, or `name-2` and so on where a story was told before."""
    lists = (developer.branchline.get(path)["items"] for path in ("/api/apps", "/api/workers"))
    taken = {item["name"].removesuffix(APP_SUFFIX) for items in lists for item in items}
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(free for free in names if free not in taken)


def _show_places(steps: Steps, places: dict[str, str]) -> None:
    for name, address in places.items():
        steps.say(f"  {name:13} {address}")


def _show_addresses(steps: Steps, city: City) -> None:
    facts = city.plan.facts()
    steps.say()
    steps.say(f"  {'the page':13} {facts['controlPlane']['url']}")
    steps.say(f"  {'':13} sign in as {DEVELOPER}, who writes apps, or {OPERATOR}, who runs all this")
    steps.say(f"  {'GitHub':13} {facts['github']['url']}")
    steps.say(f"  {'apps':13} {facts['cloudflare']['appsDomain']}")
    steps.say(f"  {'tokens':13} {city.directory / 'city.json'}")


def _stay(steps: Steps, city: City, ended: threading.Event) -> None:
    steps.say("\nCtrl-C ends it; its state is kept.")
    city.watch(ended)


class _Ended(Exception):
    """A signal came."""


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Let the first SIGINT or SIGTERM unwind everything in order, and ignore the impatient ones after it."""
    ended = threading.Event()

    def end(*_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        ended.set()
        raise _Ended

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    except _Ended:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _failing(steps: Steps) -> Iterator[None]:
    """Show what the city or the story ran into, without a traceback."""
    try:
        yield
    except _EXPECTED as error:
        steps.say(f"\n{error}")
        sys.exit(2)
