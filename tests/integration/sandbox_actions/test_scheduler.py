"""The queue of runs, without what runs do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sandbox import actions
from sandbox.actions.scheduler import Scheduler

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.execution import Execution
    from sandbox.actions.records import Run
    from tests.fakes.github_for_actions import FakeGitHub

from tests.fakes.github_for_actions import workflow


class Nothing:
    """An execution that does nothing."""

    def __init__(self, run: Run, started: list[int]) -> None:
        self._run, self._started = run, started

    def start(self) -> None:
        self._started.append(self._run.id)


def test_a_run_that_is_put_into_the_queue_twice_begins_once(github: FakeGitHub, tmp_path: Path) -> None:
    engine = actions.create(tmp_path / "actions", github, concurrency=1)  # and not started
    (run_id,) = engine.on_event(github.push(workflow("- run: true")))
    run, started = engine.records.update_run(run_id, status="requested"), list[int]()
    scheduler = Scheduler(
        engine.records, engine.announce, lambda it: cast("Execution", Nothing(it, started)), size=2
    )

    scheduler.enqueue(run)
    scheduler.open()
    scheduler.enqueue(run)

    assert started == [run_id]
    engine.close()
