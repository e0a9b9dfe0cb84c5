"""What others tell of a deployment: its run, what changed, what its scripts say. Each is asked for seldom.

What GitHub and Cloudflare answered is remembered (`looks`); only what nobody knows takes a place at the gate.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from app.pipeline.build import Build, look, opened_log
from app.pipeline.changes import Span
from app.pipeline.overview import Standing
from app.ports import BuildJob, Comparison
from app.ports.runtime_logs import RuntimeLine
from app.web.context import context

MOST_RUNTIME_LINES: Final = 200
_RUNTIME_SPAN: Final = timedelta(hours=1)


def jobs_of(build: Build) -> Sequence[BuildJob]:
    """Return the jobs of a build, as they were a few seconds ago at most. Raises as `look` does."""
    given = context()

    def ask() -> Sequence[BuildJob]:
        with given.calls.entered(f"looking at the build of {build.deployment_id}"):
            return look(build, given.code_host().build_logs)

    def is_final(jobs: Sequence[BuildJob]) -> bool:
        return build.is_over and bool(jobs) and all(job.is_over for job in jobs)

    key = (build.full_name, build.run.id, build.run.attempt)
    found: Sequence[BuildJob] = given.looks.jobs.get(key, ask, is_final)
    return found


@contextmanager
def log_of(build: Build) -> Iterator[Iterator[bytes]]:
    """Open what a build wrote, in a place for downloads. Raises as `opened_log` does."""
    given, jobs = context(), jobs_of(build)
    doing = f"reading the log of {build.deployment_id}"
    with given.downloads.entered(doing), opened_log(build, jobs, given.code_host().build_logs) as chunks:
        yield chunks


def comparison_of(full_name: str, span: Span) -> Comparison:
    """Return what changed between two deployments: commits never change, so it is asked once."""
    given = context()

    def ask() -> Comparison:
        with given.calls.entered(f"comparing commits in {full_name}"):
            return given.code_host().comparisons.between(full_name, span.before.commit, span.head)

    key = (full_name, span.before.commit, span.head)
    found: Comparison = given.looks.changes.get(key, ask, lambda _: True)
    return found


def scripts_of(standing: Standing) -> tuple[str, ...]:
    """Return the scripts that show a deployment now: its own, and its address's while it is live."""
    deployment = standing.deployment
    own = deployment.own_script if deployment.has_own_address else None
    live = deployment.script if standing.is_live else None
    return tuple(script for script in (own, live) if script is not None)


def said_by(scripts: tuple[str, ...]) -> Sequence[RuntimeLine]:
    """Return what scripts said within the last hour, the newest lines of it, oldest first."""
    given = context()

    def ask() -> Sequence[RuntimeLine]:
        now = given.clock()
        since = now - _RUNTIME_SPAN
        with given.calls.entered(f"asking what {scripts[0]} said"):
            return given.runtime_logs.newest(scripts, since=since, until=now, limit=MOST_RUNTIME_LINES)

    found: Sequence[RuntimeLine] = given.looks.runtime.get(scripts, ask, lambda _: False) if scripts else ()
    return found
