"""kill -9 of a jobs process at every point of every job; another process takes over and all ends well.

The points are told by the code: each job runs once while it is listened to. Then the stage is set again for
each point, a process dies there, and what GitHub, Cloudflare and our records hold at the end is compared with
what they have to hold. GitHub and Cloudflare are the sandbox's, over HTTP.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.jobs.lifecycle import OVER
from sandbox.waiting import wait_for
from tests.faults.figures import Figures, Form
from tests.faults.nursery import JobsProcess
from tests.faults.points import Point, read_points, sample
from tests.faults.stage import Stage
from tests.faults.stories import STORIES, Scene, complaints
from tests.faults.town import Plane, Remotes

SEED = 20261122
SHORT_CELLS = 1
QUICK = "release"
ANY_APP = "{slug}"
DEATH_SECONDS = 120.0
LAST_MOMENT_SECONDS = 20.0


@dataclass
class Matrix:
    """The cells of one job over one database."""

    plane: Plane
    name: str
    directory: Path
    wrong: dict[str, list[str]] = field(default_factory=dict)
    cells: int = 0

    def __post_init__(self) -> None:
        self.stage = Stage(self.plane)

    def scene(self) -> Scene:
        """Set the stage once more."""
        return STORIES[self.name](self.stage)

    def points(self) -> list[Point]:
        """Run the job once without a kill and return the points that it came to."""
        scene, told = self.scene(), self.directory / f"{self.name}.points"
        process = self.plane.jobs(job=scene.job.id, record=told)
        self._end(scene, "no kill")
        process.kill()
        self.plane.forget_the_dead()
        return [point.of(scene.app.slug, written=ANY_APP) for point in read_points(told)]

    def kill_at(self, point: Point) -> None:
        """Kill a process there, let another one take over, and look at everything."""
        scene = self.scene()
        here = point.of(ANY_APP, written=scene.app.slug)
        victim = self.plane.jobs(job=scene.job.id, die_at=here)
        if not self._dies(victim, scene):
            self.wrong[str(point)] = ["the job ended and never came to this point"]
            victim.kill()
            return
        self.plane.forget_the_dead()
        heir = self.plane.jobs()
        self._end(scene, str(point))
        heir.kill()
        self.plane.forget_the_dead()

    def _end(self, scene: Scene, what: str) -> None:
        self.stage.wait_over(scene.job)
        self.stage.wait_quiet()
        self.cells += 1
        found = complaints(self.stage, scene)
        if found:
            self.wrong[what] = found

    def _dies(self, victim: JobsProcess, scene: Scene) -> bool:
        """Wait until the process is dead; a job that is over has a moment left to kill it."""
        late = 0.0

        def look() -> tuple[bool | None, object]:
            nonlocal late
            if not victim.is_alive:
                return True, "dead"
            job = self.stage.job(scene.job)
            late = late or (time.monotonic() + LAST_MOMENT_SECONDS if job.status in OVER else 0.0)
            return (False if late and time.monotonic() > late else None), job.status

        return wait_for("a death", look, DEATH_SECONDS, every=0.02)


@pytest.fixture(params=["sqlite", "postgres"])
def plane(request: pytest.FixtureRequest, form: Form, remotes: Remotes, tmp_path: Path) -> Iterator[Plane]:
    if request.param == "postgres" and form is Form.SHORT:
        pytest.skip("the short form runs on SQLite")
    url = str(request.getfixturevalue(f"migrated_{request.param}_url"))
    remotes.runs_are_idle(are_idle=True)
    with Plane(remotes, url, tmp_path) as plane:
        yield plane


@pytest.mark.parametrize(
    "name", [pytest.param(it, marks=() if it == QUICK else pytest.mark.slow) for it in STORIES]
)
def test_a_job_whose_process_is_killed_at_any_point_ends_as_if_it_was_not(
    plane: Plane, name: str, tmp_path: Path, form: Form, figures: Figures
) -> None:
    matrix = Matrix(plane, name, tmp_path)
    told = matrix.points()
    chosen = form.pick(short=sample(told, SHORT_CELLS, SEED), full=told)
    for point in chosen:
        matrix.kill_at(point)
    kind = "PostgreSQL" if "postgres" in plane.environ["DATABASE_URL"] else "SQLite"
    twice = sum(line.startswith("twice") for lines in matrix.wrong.values() for line in lines)
    right = matrix.cells - len(matrix.wrong)
    told_of = f"{right} of {matrix.cells} right, {len(told)} points, {twice} twice"
    figures.tell("J1", f"{name} on {kind}", told_of)
    assert matrix.wrong == {}
