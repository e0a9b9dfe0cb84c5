"""Reports come late, twice and in the wrong order: what is recorded in the end is the same."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.jobs import JobType
from app.domain.runs import RunReport
from app.errors import Busy, Conflict
from tests.builders import a_pull
from tests.proofs import pick
from tests.unit.pipeline.runs import a_pull_run, a_run, what_github_says
from tests.unit.pipeline.world import World

# What is heard of a run, by what becomes of it. `start` and what follows it come in this order from the run
# itself; everything else comes whenever it comes.
FATES: dict[str, tuple[str, ...]] = {
    "live": ("requested", "in_progress", "start", "upload", "finish success", "success"),
    "live, told by GitHub only": ("requested", "in_progress", "start", "upload", "success"),
    "failed to deploy": ("requested", "in_progress", "start", "finish failure", "failure"),
    "failed to build": ("requested", "in_progress", "finish failure", "failure"),
    "failed without a word": ("requested", "in_progress", "failure"),
    "cancelled": ("requested", "in_progress", "finish cancelled", "cancelled"),
    "cancelled before it began": ("requested", "cancelled"),
    "never ended": ("in_progress", "requested"),
}
_KEY = re.compile(r"(?<=preview-)[0-9a-z]{10}(?=-slug)")  # of a deployment's own address
STARTING = [fate for fate, heard in FATES.items() if "start" in heard]
OTHERS = [fate for fate in FATES if fate not in STARTING]
PLACES: dict[str, Callable[[int], RunReport]] = {
    "production": a_run,
    "staging": lambda number: a_run(number, branch="staging"),
    "branch": lambda number: a_run(number, branch="lab"),
    "pull": a_pull_run,
}


@dataclass(frozen=True, repr=False)
class Heard:
    report: RunReport
    what: str

    def __repr__(self) -> str:
        return f"{self.report.run_number}: {self.what}"


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Heard], list[Heard]]:
    """Return what is heard of some runs in the order in which it happens, and in another one."""
    heard = list[Heard]()
    for place in draw(st.lists(st.sampled_from(list(PLACES)), min_size=1, max_size=2, unique=True)):
        fates = draw(st.lists(st.sampled_from(OTHERS), max_size=2))
        # Two runs that upload to one script take turns; that is another test.
        fates.insert(draw(st.integers(0, len(fates))), draw(st.sampled_from(STARTING)))
        for index, fate in enumerate(fates):
            number = 1 + list(PLACES).index(place) + len(PLACES) * index
            heard += [Heard(PLACES[place](number), what) for what in FATES[fate]]
    repeated = draw(st.lists(st.sampled_from(heard), max_size=6))
    return heard, start_first(draw(st.permutations([*heard, *repeated])))


def start_first(heard: Sequence[Heard]) -> list[Heard]:
    """Have each run start before it ends: its end is told by who got the answer to its start."""
    arranged = list(heard)
    for run_id in {it.report.run_id for it in heard}:
        places = [
            n
            for n, it in enumerate(arranged)
            if it.report.run_id == run_id and it.what not in {"requested", "in_progress"}
        ]
        first = ("start", "upload")
        own = sorted(
            (arranged[n] for n in places), key=lambda it: first.index(it.what) if it.what in first else 2
        )
        for n, it in zip(places, own, strict=True):
            arranged[n] = it
    return arranged


def tell(world: World, heard: Heard) -> None:
    world.clock.advance(1)
    report, (word, _, conclusion) = heard.report, heard.what.partition(" ")
    done = replace(report, phases={**report.phases, "deploy": float(report.run_number)})
    if word == "start":
        world.start(report)
    elif word == "upload":
        with suppress(Conflict):  # its run was heard to end before
            world.upload(report)
    elif conclusion == "failure":
        world.finish(done, "failure", error_phase="build", error_message=f"run {report.run_number}")
    elif word == "finish":
        world.finish(done, conclusion)
    else:
        world.hear(what_github_says(report, word))


def outcome(heard: Sequence[Heard], *, is_told_at_once: bool) -> Any:
    """Return what is recorded, and what GitHub shows, when all this was heard."""
    world = World()
    world.app()
    world.pull(a_pull(7))
    for it in heard:
        tell(world, it)
        if is_told_at_once:
            world.run_queue()
    world.run_queue()
    recorded = {
        it.run.number: (it.status, it.error, it.script, dict(it.phases)) for it in world.deployments()
    }
    repository = world.repository()
    statuses = {key: status.state for key, status in repository.statuses.items()}
    records = sorted((it.commit, it.statuses[-1]["state"]) for it in repository.records.values())
    comments = [_KEY.sub("KEY", it.body.partition("| **Updated**")[0]) for it in repository.comments.values()]
    return recorded, statuses, records, comments


@settings(max_examples=pick(short=150, full=5000), deadline=None)
@given(stories(), st.booleans())
def test_every_order_of_reports_ends_alike(story: tuple[list[Heard], list[Heard]], at_once: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    in_order, shuffled = story
    assert outcome(shuffled, is_told_at_once=at_once) == outcome(in_order, is_told_at_once=False)


@settings(max_examples=pick(short=50, full=2000), deadline=None)
@given(st.permutations(range(1, 6)), st.lists(st.booleans(), min_size=60, max_size=60))
def test_the_newest_commit_is_what_stays_live(order: list[int], choices: list[bool]) -> None:
    """Five runs want the same script and ask again while it is busy; uploads end when they end."""
    world = World()
    world.app()
    coin = iter(choices)
    waiting, uploading = list(order), list[int]()
    while waiting or uploading:
        world.clock.advance(1)
        is_done = next(coin, True)
        if uploading and is_done:
            number = uploading.pop()
            world.upload(a_run(number))
            world.finish(a_run(number))
        elif waiting:
            number = waiting.pop(0)
            try:
                plan = world.start(a_run(number))
            except Busy:
                waiting.append(number)
                continue
            uploading += [number] if plan.refusal is None else []
            assert len(uploading) <= 1
    assert world.code() == a_run(5).commit


def test_several_changes_are_told_at_once() -> None:
    world = World()
    world.app()
    for word in ("requested", "in_progress"):
        world.hear(what_github_says(a_run(), word))
    world.deploy(a_run())
    assert len(world.jobs(JobType.PUBLISH)) == 3  # that it uploads is nothing that GitHub has a word for
    world.run_queue()
    (record,) = world.repository().records.values()
    assert [status["state"] for status in record.statuses] == ["success"]
