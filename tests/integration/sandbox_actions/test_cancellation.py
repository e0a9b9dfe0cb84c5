"""Who is cancelled, and how: real processes that take it well and badly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sandbox import actions
from sandbox.actions import processes, runner, workflows
from sandbox.actions.act_output import Line
from sandbox.actions.recorder import Recorder
from tests.fakes.github_for_actions import workflow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.github_for_actions import FakeGitHub

_PATIENT = r"""- name: Long
  run: |
    cat > patient.mjs <<'END'
    process.on("SIGINT", () => { console.log("interrupted"); setTimeout(() => process.exit(1), 50); });
    setInterval(() => {}, 1000);
    console.log("waiting");
    END
    (setsid sleep 300 &)
    exec node patient.mjs"""

_IGNORING = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
_SLEEPING = ("sh", "-c", "echo ready; exec sleep 60")


def test_a_cancelled_run_interrupts_its_step_cleans_up_and_leaves_nothing(
    engine: Any, github: FakeGitHub, watch: Any
) -> None:
    text = workflow(
        _PATIENT,
        "- name: Next\n  run: echo never",
        "- name: Clean\n  if: failure() || cancelled()\n  run: echo status ${{ job.status }}",
        "- name: Only on failure\n  if: failure()\n  run: echo never",
    )
    (run_id,) = engine.on_event(github.push(text))
    tracking_id = watch.says(run_id, "waiting").tracking_id

    engine.cancel(engine.records.run(run_id))

    assert watch.completed(run_id).conclusion == "cancelled"
    assert watch.steps(run_id) == {
        "Set up job": "success",
        "Long": "cancelled",
        "Next": "skipped",
        "Clean": "success",
        "Only on failure": "skipped",
        "Complete job": "success",
    }
    assert "interrupted" in watch.log(run_id)
    assert "status cancelled" in watch.log(run_id)
    assert processes.tracked(tracking_id) == []
    assert [job.conclusion for job in engine.records.jobs(run_id, 1)] == ["cancelled"]


def test_a_step_that_always_runs_is_not_interrupted(
    engine: Any, github: FakeGitHub, watch: Any, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    held = f"echo begun; until test -e {gate}; do sleep 0.02; done; sleep 1; echo kept"
    text = workflow(
        f"- name: Keep\n  if: always()\n  run: {held}",
        "- name: Next\n  run: echo never",
    )
    (run_id,) = engine.on_event(github.push(text))
    watch.says(run_id, "begun")

    engine.cancel(engine.records.run(run_id))
    gate.touch()

    assert watch.completed(run_id).conclusion == "cancelled"
    assert "kept" in watch.log(run_id)
    assert watch.steps(run_id)["Keep"] == "success"


def test_a_stubborn_step_is_killed_in_the_end(
    engine: Any, github: FakeGitHub, watch: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(processes, "INTERRUPT_SECONDS", 0.2)
    monkeypatch.setattr(processes, "TERMINATE_SECONDS", 0.2)
    text = workflow(
        "- name: Stubborn\n  run: trap '' INT TERM; echo begun; while true; do sleep 0.1; done",
        "- if: cancelled()\n  run: echo cleaned",
    )
    (run_id,) = engine.on_event(github.push(text))
    watch.says(run_id, "begun")

    engine.cancel(engine.records.run(run_id))

    assert watch.completed(run_id).conclusion == "cancelled"
    assert "##[error]The operation was canceled." in watch.log(run_id)
    assert "cleaned" in watch.log(run_id)


def test_a_run_that_is_cancelled_before_it_has_its_place_never_begins(
    engine: Any, github: FakeGitHub, monkeypatch: Any
) -> None:
    tell = github.emit

    def cancelled_as_soon_as_it_is_heard_of(event: str, repository_id: int, payload: dict[str, Any]) -> None:
        tell(event, repository_id, payload)
        if payload["action"] == "requested":
            engine.cancel(engine.records.run(payload["workflow_run"]["id"]))

    monkeypatch.setattr(github, "emit", cancelled_as_soon_as_it_is_heard_of)

    (run_id,) = engine.on_event(github.push(workflow("- run: exec sleep 60")))

    assert engine.records.run(run_id).conclusion == "cancelled"
    assert [job.conclusion for job in engine.records.jobs(run_id, 1)] == ["cancelled"]
    assert [(event, payload["action"]) for event, payload in github.events] == [
        ("workflow_run", "requested"),
        ("workflow_job", "queued"),
        ("workflow_job", "completed"),
        ("workflow_run", "completed"),
    ]


def test_a_run_that_was_cancelled_when_the_engine_stopped_does_not_begin_with_the_next(
    github: FakeGitHub, tmp_path: Path
) -> None:
    engine = actions.create(tmp_path / "actions", github, concurrency=1)
    (run_id,) = engine.on_event(github.push(workflow("- run: exec sleep 60")))
    engine.records.update_run(run_id, status="requested", conclusion="cancelled")

    engine.start()

    assert engine.records.run(run_id).status == "completed"
    assert [job.conclusion for job in engine.records.jobs(run_id, 1)] == ["cancelled"]
    engine.close()


def test_a_run_that_is_repeated_as_soon_as_it_is_over_can_be_cancelled(
    engine: Any, github: FakeGitHub, watch: Any, monkeypatch: Any
) -> None:
    tell = github.emit

    def repeated_as_soon_as_it_is_over(event: str, repository_id: int, payload: dict[str, Any]) -> None:
        tell(event, repository_id, payload)
        if (payload["action"], payload.get("workflow_run", {}).get("run_attempt")) == ("completed", 1):
            engine.rerun(engine.records.run(payload["workflow_run"]["id"]))

    monkeypatch.setattr(github, "emit", repeated_as_soon_as_it_is_over)
    text = workflow("- run: test $GITHUB_RUN_ATTEMPT = 1 || { echo again; exec sleep 60; }")
    (run_id,) = engine.on_event(github.push(text))
    tracking_id = watch.says(run_id, "again").tracking_id

    engine.cancel(engine.records.run(run_id))

    assert watch.completed(run_id).conclusion == "cancelled"
    assert processes.tracked(tracking_id) == []


@pytest.mark.parametrize(
    ("condition", "conclusion"),
    [("", "cancelled"), ("if: success()", "cancelled"), ("if: always()", "success")],
)
def test_a_job_that_begins_while_its_run_is_being_cancelled_has_that_conclusion_unless_it_runs_on(
    github: FakeGitHub, tmp_path: Path, condition: str, conclusion: str
) -> None:
    engine = actions.create(tmp_path / "actions", github, concurrency=1)  # and not started
    text = workflow("- run: true").replace(
        "runs-on: ubuntu-latest", f"runs-on: ubuntu-latest\n    {condition}"
    )
    (run_id,) = engine.on_event(github.push(text))
    run = engine.records.run(run_id)
    recorder = Recorder(run, workflows.parse(run.path, text), engine.records, engine.logs, engine.announce)

    recorder.cancelling()
    recorder.take(Line("job-finished", job="build", job_name="CI/build", result="success"))
    recorder.close("cancelled")

    assert [job.conclusion for job in engine.records.jobs(run_id, 1)] == [conclusion]
    engine.close()


def test_a_run_that_is_cancelled_as_its_runner_begins_ends_cancelled(
    engine: Any, github: FakeGitHub, watch: Any, monkeypatch: Any
) -> None:
    launch = runner.launch

    def launched_and_cancelled(*arguments: Any) -> Any:
        run = engine.records.unfinished_runs()[0]
        threading.Thread(target=engine.cancel, args=(run,)).start()
        return launch(*arguments)

    monkeypatch.setattr(runner, "launch", launched_and_cancelled)

    (run_id,) = engine.on_event(github.push(workflow("- run: exec sleep 60")))

    assert watch.completed(run_id).conclusion == "cancelled"


def test_a_newer_push_cancels_the_older_run_of_its_group(engine: Any, github: FakeGitHub, watch: Any) -> None:
    head = (
        "concurrency:\n"
        "  group: ${{ github.event_name == 'pull_request' && format('pr-{0}', github.event.number)"
        " || github.ref_name }}\n"
        "  cancel-in-progress: ${{ github.event_name == 'pull_request' || !(github.ref_name == 'main') }}\n"
    )
    (older,) = engine.on_event(
        github.push(workflow("- run: echo begun; exec sleep 60", head=head), branch="feature")
    )
    watch.says(older, "begun")

    (newer,) = engine.on_event(github.push(workflow("- run: echo done", head=head), branch="feature"))

    assert watch.completed(newer).conclusion == "success"
    assert engine.records.run(older).conclusion == "cancelled"


def test_a_group_runs_one_keeps_one_waiting_and_drops_the_rest(
    engine: Any, github: FakeGitHub, watch: Any, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    text = workflow(
        f"- run: echo begun; until test -e {gate}; do sleep 0.02; done", head="concurrency: production"
    )
    occasion = github.push(text)
    (first,) = engine.on_event(occasion)
    watch.says(first, "begun")

    (second,) = engine.on_event(occasion)
    assert engine.records.run(second).status == "pending"
    (third,) = engine.on_event(occasion)
    assert engine.records.run(second).conclusion == "cancelled"
    assert engine.records.run(third).status == "pending"
    gate.touch()

    assert watch.completed(first).conclusion == "success"
    assert watch.completed(third).conclusion == "success"
    assert [engine.records.run(run_id).number for run_id in (first, second, third)] == [1, 2, 3]


def test_a_step_that_began_while_the_others_ended_is_swept_away() -> None:
    tracking_id = uuid4().hex

    with ExitStack() as stack:

        def started(step: str, *command: str) -> subprocess.Popen[bytes]:
            environment = os.environ | {processes.VARIABLE: tracking_id, "GITHUB_ACTION": step}
            process = stack.enter_context(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE))
            stack.callback(process.kill)
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            return process

        act = started("", sys.executable, "-c", _IGNORING)
        left_before = started("0", *_SLEEPING)
        cancellation = processes.Cancellation(
            tracking_id, act.pid, lambda it: it.get("GITHUB_ACTION") == "clean"
        )

        cancellation.begin()
        late, cleaning = started("1", *_SLEEPING), started("clean", *_SLEEPING)
        cancellation.sweep()

        assert late.wait(50) == -signal.SIGKILL
        assert [it.poll() for it in (act, left_before, cleaning)] == [None, None, None]
