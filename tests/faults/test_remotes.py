"""GitHub and Cloudflare in trouble: every request that a job sends meets each fault once, and all ends well.

The faults happen in a proxy between a jobs process and the sandbox's servers. A job waits for what passes and
says what for; what was written although the answer was lost is found and not written again.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.domain.apps import AppStatus
from app.domain.jobs import Job, JobStatus
from app.jobs.lifecycle import OVER
from sandbox.waiting import wait_for
from tests.faults.figures import Figures, Form
from tests.faults.stage import Stage
from tests.faults.stories import STORIES, complaints
from tests.faults.town import Plane, Remotes
from tests.faults_between import Fault, FaultyProxy, faults_before

PASSING = (
    Fault.BROKEN,
    Fault.BAD_GATEWAY,
    Fault.LIMITED,
    Fault.FORBIDDEN,
    Fault.UNANSWERED,
    Fault.RESET,
    Fault.SILENT,
)
QUICK = Fault.RESET
SHORT = (Fault.BROKEN, Fault.FORBIDDEN, Fault.UNANSWERED, Fault.RESET)
END_SECONDS = 600.0
SILENT_REQUESTS = 2  # ten seconds each


class Once:
    """Lets each request meet a fault once: a request is its method and path."""

    def __init__(self, fault: Fault, *, only_writes: bool, limit: int | None = None) -> None:
        self._fault = fault
        self._only_writes = only_writes
        self._left = limit
        self._met: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str) -> Fault | None:
        is_read = method == "GET" or path.endswith("/graphql")
        with self._lock:
            if (method, path) in self._met or (self._only_writes and is_read) or self._left == 0:
                return None
            self._met.add((method, path))
            self._left = None if self._left is None else self._left - 1
            return self._fault


@dataclass
class Troubled:
    """A control plane whose remotes are behind proxies, and what was seen of its jobs."""

    stage: Stage
    proxies: list[FaultyProxy]
    wrong: dict[str, list[str]] = field(default_factory=dict)
    waits: set[str] = field(default_factory=set)

    @property
    def failed(self) -> int:
        """How many requests met a fault."""
        return sum(len(proxy.failed) for proxy in self.proxies)

    def choose(self, choose: Callable[[str, str], Fault | None] | None) -> None:
        """Say what happens to requests from now on, to GitHub and to Cloudflare alike."""
        for proxy in self.proxies:
            proxy.choose = choose

    def run(self, name: str, choose: Callable[[str, str], Fault | None]) -> None:
        """Run one job in trouble, and look at everything when it is quiet again."""
        plane = self.stage.plane
        scene = STORIES[name](self.stage)
        self.choose(choose)
        process = plane.jobs(is_impatient=True)
        self.waits |= watch(self.stage, scene.job)
        self.stage.wait_quiet(END_SECONDS)
        process.kill()
        plane.forget_the_dead()
        self.choose(None)
        found = complaints(self.stage, scene)
        self.wrong |= {name: found} if found else {}


@contextmanager
def between(remotes: Remotes) -> Iterator[tuple[list[FaultyProxy], Mapping[str, str]]]:
    """Put a proxy before each of them; the settings lead through the proxies."""
    with ExitStack() as stack:
        servers = [remotes.plan.url("github"), remotes.plan.url("cloudflare")]
        github, cloudflare = (stack.enter_context(faults_before(url)) for url in servers)
        for proxy in (github, cloudflare):
            proxy.retry_after = "1"
        settings = {
            "GITHUB_API_URL": f"{github.url}/api/v3",
            "CLOUDFLARE_API_URL": f"{cloudflare.url}/client/v4",
        }
        yield [github, cloudflare], settings


@pytest.fixture
def troubled(remotes: Remotes, migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Troubled]:
    remotes.runs_are_idle(are_idle=True)
    with (
        between(remotes) as (proxies, settings),
        Plane(remotes, migrated_sqlite_url, tmp_path, **settings) as plane,
    ):
        yield Troubled(Stage(plane), proxies)


@pytest.mark.parametrize(
    "fault",
    [pytest.param(it, marks=() if it is QUICK else pytest.mark.slow, id=it.name.lower()) for it in PASSING],
)
def test_every_request_may_fail_once(troubled: Troubled, fault: Fault, form: Form, figures: Figures) -> None:
    if form is Form.SHORT and fault not in SHORT:
        pytest.skip("the short form has one fault of each kind")
    names = form.pick(short=["preview", "release"], full=list(STORIES))
    limit = SILENT_REQUESTS if fault is Fault.SILENT else None
    for name in names:
        troubled.run(name, Once(fault, only_writes=form is Form.SHORT, limit=limit))
    twice = sum(line.startswith("twice") for lines in troubled.wrong.values() for line in lines)
    right = f"{len(names) - len(troubled.wrong)} of {len(names)} jobs right"
    told = f"{right}, {troubled.failed} requests failed, {twice} twice"
    figures.tell("G1", f"{fault.name.lower()} once for each request", told)
    assert troubled.wrong == {}
    assert troubled.failed >= len(names)
    assert fault is Fault.SILENT or any("acme/" in it or "branchline-" in it for it in troubled.waits)


def watch(stage: Stage, job: Job) -> set[str]:
    """Wait until a job is over and return what it said meanwhile that it waits for."""
    said = set[str]()

    def look() -> tuple[bool | None, object]:
        found = stage.job(job)
        said.update({found.waiting_for} if found.waiting_for else set())
        return (True if found.status in OVER else None), f"{found.status}, waiting for {found.waiting_for}"

    wait_for(f"{job.type} over", look, END_SECONDS, every=0.03)
    return said


@pytest.mark.slow
def test_a_fork_that_is_never_filled_is_waited_for_and_given_up(troubled: Troubled, figures: Figures) -> None:
    """GitHub answers 202 and never finishes: its five minutes, which are five seconds here, and no more."""
    stage = troubled.stage
    app, job = stage.request_app()
    head = f"/repos/acme/{app.name}/git/ref/heads/main"
    troubled.choose(lambda _method, path: Fault.ABSENT if path.endswith(head) else None)
    process = stage.plane.jobs(is_impatient=True)
    ended = stage.wait_over(job)
    process.kill()
    steps = [step.name for step in stage.plane.shared.engine.steps(ended)]
    with stage.records.read() as tx:
        kept = tx.apps.get(app.id)
    repositories = stage.remotes.github.get(
        "/orgs/acme/repos", per_page="100", sort="created", direction="desc"
    )
    assert (ended.status, (ended.error or {})["code"]) == (JobStatus.FAILED, "repository:empty")
    assert steps[-1] == "wait for repository"
    assert (kept.status, "still empty" in str(kept.error)) == (AppStatus.FAILED, True)
    assert len([it for it in repositories if it["name"].startswith(app.name)]) == 1
    figures.tell("G1", "a fork that is never filled", "given up with repository:empty, 1 repository")
