"""Who is cancelled, and how: real processes that take it well and badly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.actions import processes
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


def test_a_step_that_always_runs_is_not_interrupted(engine: Any, github: FakeGitHub, watch: Any) -> None:
    text = workflow(
        "- name: Keep\n  if: always()\n  run: echo begun; sleep 1; echo kept",
        "- name: Next\n  run: echo never",
    )
    (run_id,) = engine.on_event(github.push(text))
    watch.says(run_id, "begun")

    engine.cancel(engine.records.run(run_id))

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
