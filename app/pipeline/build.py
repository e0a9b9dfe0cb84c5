"""Build: what the run that made a deployment did and wrote, as the code host tells it. Only looks.

A job's log is there when the job has ended; before that its steps say how far it is. What a promotion put up,
another deployment's run has built.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from app.domain.deployments import Deployment, Run
from app.errors import Conflict, Gone, RemoteMissing
from app.pipeline.known import known_app, origin_of
from app.ports import BuildJob, BuildLogs, Transaction

# What GitHub shows of one job at most is of this order; a log beyond it is a program that writes in a loop.
MOST_BYTES: Final = 10 * 1024 * 1024
# Stands before what each of several jobs wrote.
HEADING: Final = "##[job]"


@dataclass(frozen=True, slots=True)
class Build:
    """The run behind a deployment, `is_over` when nothing of it can change any more."""

    deployment_id: str
    full_name: str
    run: Run
    is_over: bool


def build_of(tx: Transaction, deployment: Deployment) -> Build:
    """Return the run that built what a deployment shows.

    Raises:
        Gone: its app was deleted, and with it the repository whose run it was.
    """
    origin, app = origin_of(tx, deployment), known_app(tx, deployment.app_id)
    if app is None or app.repository is None:
        raise Gone(f"looking at the build of {deployment.id}: its app was deleted", code="app:deleted")
    return Build(deployment.id, app.repository_name, origin.run, origin.is_finished)


def look(build: Build, logs: BuildLogs) -> Sequence[BuildJob]:
    """Return the jobs of a build with their steps.

    Raises:
        Gone: the code host keeps them no more.
    """
    try:
        return logs.jobs(build.full_name, build.run.id, build.run.attempt)
    except RemoteMissing as missing:
        raise _gone(build, "run") from missing


@contextmanager
def opened_log(build: Build, jobs: Sequence[BuildJob], logs: BuildLogs) -> Iterator[Iterator[bytes]]:
    """Open what the jobs that are over wrote, one after another, so much of it as anybody reads.

    Raises:
        Conflict: none of them is over yet.
        Gone: the code host keeps what they wrote no more.
    """
    over = [job for job in jobs if job.is_over]
    if not over:
        raise Conflict(f"reading the log of {build.deployment_id}: {_how_far(jobs)}", code="build:going-on")
    with ExitStack() as opening:
        first = _open(build, over[0], logs, opening)
        rest = (chunk for job in over[1:] for chunk in _further(build, job, logs))
        heading = _heading(over[0]) if len(over) > 1 else b""
        yield _bounded(_joined(heading, first, rest))


def _open(build: Build, job: BuildJob, logs: BuildLogs, opening: ExitStack) -> Iterator[bytes]:
    try:
        return opening.enter_context(logs.log(build.full_name, job.id))
    except RemoteMissing as missing:
        raise _gone(build, "log") from missing


def _further(build: Build, job: BuildJob, logs: BuildLogs) -> Iterator[bytes]:
    """Yield what one more job wrote; a job that wrote nothing has only its heading."""
    yield _heading(job)
    with ExitStack() as opening:
        try:
            yield from opening.enter_context(logs.log(build.full_name, job.id))
        except RemoteMissing:
            yield b"(nothing is kept of what it wrote)\n"


def _joined(heading: bytes, first: Iterator[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    if heading:
        yield heading
    yield from first
    yield from rest


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    left = MOST_BYTES
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            yield f"\n##[warning]The rest is on GitHub: these are the first {MOST_BYTES} bytes.\n".encode()
            return


def _heading(job: BuildJob) -> bytes:
    return f"{HEADING}{job.name}: {job.conclusion or job.status}\n".encode()


def _how_far(jobs: Sequence[BuildJob]) -> str:
    step = next((step for job in jobs for step in job.steps if step.status == "in_progress"), None)
    at = f" It is at the step {step.name!r}." if step else ""
    return f"GitHub has it when the run is over.{at}"


def _gone(build: Build, what: str) -> Gone:
    return Gone(
        f"reading the build of {build.deployment_id}: GitHub has no {what} of it (any more)",
        code="build:gone",
        run=build.run.url,
    )
