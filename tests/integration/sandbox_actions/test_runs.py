"""The engine with a real act, real git and real processes."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import actions
from sandbox.actions import processes
from sandbox.waiting import wait_for
from tests.fakes.github_for_actions import workflow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.github_for_actions import FakeGitHub

_CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
_SETUP_NODE = "actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020"


def test_a_push_is_checked_out_built_and_concluded(engine: Any, github: FakeGitHub, watch: Any) -> None:
    github.variable_values = {"GREETING": "hello 🦊\u200b"}
    github.commit({"package-lock.json": "{}", "page.txt": "the page\n"})
    text = workflow(
        f"- uses: {_CHECKOUT}\n  with: {{ref: '${{{{ github.sha }}}}', persist-credentials: false}}",
        f"- uses: {_SETUP_NODE}\n  with: {{node-version: 24, cache: npm}}",
        "- name: Look\n  run: |\n    cat page.txt\n    echo ${{ vars.GREETING }}\n"
        "    node --version\n    git rev-parse HEAD\n"
        '    git config --get-regexp extraheader || echo "no credentials left"\n    npm config get cache',
        "- name: Tell\n  if: failure() || cancelled()\n  run: exit 1",
    )
    occasion = github.push(text)

    (run_id,) = engine.on_event(occasion)

    assert watch.completed(run_id).conclusion == "success"
    log = watch.log(run_id)
    for said in ("the page", "hello 🦊", "v24.", occasion.sha, "no credentials left", "tools/npm-cache"):
        assert said in log
    assert watch.steps(run_id) == {
        "Set up job": "success",
        f"Run {_CHECKOUT}": "success",
        f"Run {_SETUP_NODE}": "success",
        "Look": "success",
        "Tell": "skipped",
        f"Post Run {_CHECKOUT}": "success",
        "Complete job": "success",
    }
    assert github.tokens == [("ghs_fake0token", True)]


def test_events_tell_the_story_in_order(engine: Any, github: FakeGitHub, watch: Any) -> None:
    (run_id,) = engine.on_event(github.push(workflow("- run: true")))
    watch.completed(run_id)

    told = [(event, payload["action"]) for event, payload in github.events]

    assert told[:4] == [
        ("workflow_run", "requested"),
        ("workflow_job", "queued"),
        ("workflow_run", "in_progress"),
        ("workflow_job", "in_progress"),
    ]
    watch.run(run_id, lambda _run: len(github.events) == 6, "told to the end")
    assert [(event, payload["action"]) for event, payload in github.events[4:]] == [
        ("workflow_job", "completed"),
        ("workflow_run", "completed"),
    ]


def test_a_failing_step_fails_the_run_and_later_steps_know(
    engine: Any, github: FakeGitHub, watch: Any
) -> None:
    text = workflow(
        "- name: Break\n  run: echo about to break; exit 3",
        "- name: Next\n  run: echo never",
        "- name: Clean\n  if: failure() || cancelled()\n  run: echo status ${{ job.status }}",
        "- name: Forgiven\n  if: always()\n  continue-on-error: true\n  run: exit 1",
    )

    (run_id,) = engine.on_event(github.push(text))

    assert watch.completed(run_id).conclusion == "failure"
    steps = watch.steps(run_id)
    assert [steps[name] for name in ("Break", "Next", "Clean", "Forgiven")] == [
        "failure",
        "skipped",
        "success",
        "success",
    ]
    assert "##[error]Process completed with exit code 3." in watch.log(run_id)
    assert "status failure" in watch.log(run_id)


def test_secrets_never_reach_the_log(engine: Any, github: FakeGitHub, watch: Any, tmp_path: Path) -> None:
    github.secret_values = {"KEY": "s3cr3t-value", "SEVERAL": "first-line-of-it\nsecond-line-of-it"}
    text = workflow(
        "- run: |\n"
        '    echo "given ${{ secrets.KEY }} and $SEVERAL and ${{ github.token }}"\n'
        "    echo ::add-mask::found-out-later\n"
        "    echo found-out-later\n"
        '    echo "::notice::found-out-later"\n'
        '    test "${#SEVERAL}" = 34 && echo both lines arrived\n'
        "  env: {SEVERAL: '${{ secrets.SEVERAL }}'}",
    )

    (run_id,) = engine.on_event(github.push(text))

    assert watch.completed(run_id).conclusion == "success"
    runs = tmp_path / "actions/runs"
    wait_for("nothing left of the run", lambda: (not any(runs.iterdir()) or None, "its directory"), 60)
    hidden = ("s3cr3t-value", "first-line", "second-line", "ghs_fake0token", "found-out-later")
    kept = [path for path in (tmp_path / "actions").rglob("*") if path.is_file()]
    for path in (path for path in kept if "tools" not in path.parts):
        content = path.read_bytes()
        assert not [value for value in hidden if value.encode() in content], path
    assert "both lines arrived" in watch.log(run_id)
    assert not any(value in str(github.events) for value in hidden)


def test_the_parents_environment_stays_outside(
    engine: Any, github: FakeGitHub, watch: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", "of-the-parent")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "of-the-parent")

    (run_id,) = engine.on_event(github.push(workflow("- run: env")))

    watch.completed(run_id)
    assert "of-the-parent" not in watch.log(run_id)
    assert f"GITHUB_SERVER_URL={github.url}\n" in watch.log(run_id)
    assert "GITHUB_REPOSITORY_ID=12\n" in watch.log(run_id)
    assert f"GITHUB_RUN_ID={run_id}\n" in watch.log(run_id)


def test_jobs_are_reported_one_by_one_even_from_a_matrix(engine: Any, github: FakeGitHub, watch: Any) -> None:
    text = """
name: Many
on: push
jobs:
  build:
    strategy: {matrix: {size: [small, large]}}
    runs-on: ubuntu-latest
    steps: [{run: 'echo ${{ matrix.size }}'}]
  after:
    needs: build
    runs-on: ubuntu-latest
    steps: [{run: 'echo after'}]
  never:
    if: ${{ false }}
    runs-on: ubuntu-latest
    steps: [{run: 'echo never'}]
"""
    (run_id,) = engine.on_event(github.push(text))

    assert watch.completed(run_id).conclusion == "success"
    jobs = engine.records.jobs(run_id, 1)
    assert sorted((job.key, job.conclusion) for job in jobs) == [
        ("after", "success"),
        ("build", "success"),
        ("build", "success"),
        ("never", "skipped"),
    ]


def test_a_pull_request_runs_its_own_commit(engine: Any, github: FakeGitHub, watch: Any) -> None:
    text = workflow(
        f"- uses: {_CHECKOUT}\n  with: {{ref: '${{{{ github.event.pull_request.head.sha }}}}'}}",
        "- run: git rev-parse HEAD; echo base $GITHUB_BASE_REF head $GITHUB_HEAD_REF ref $GITHUB_REF",
        "- run: echo secret '${{ secrets.KEY }}' number ${{ github.event.pull_request.number }}",
    )
    github.secret_values = {"KEY": "only-for-us"}
    occasion = _pull_request(github, text)

    (run_id,) = engine.on_event(occasion)
    (fork_run_id,) = engine.on_event(replace(occasion, is_fork_pull_request=True))

    assert watch.completed(run_id).conclusion == "success"
    assert occasion.sha in watch.log(run_id)
    assert "base main head feature ref refs/pull/7/merge" in watch.log(run_id)
    assert "secret *** number 7" in watch.log(run_id)
    assert (engine.records.run(run_id).head_branch, engine.records.run(run_id).title) == (
        "feature",
        "A title",
    )
    assert watch.completed(fork_run_id).conclusion == "success"
    assert "secret  number 7" in watch.log(fork_run_id)
    assert [read_only for _, read_only in github.tokens] == [True, True]


def _pull_request(github: FakeGitHub, text: str) -> Any:
    base = github.commit({"a.txt": "a"})
    pushed = github.push(text, branch="feature")
    side = {"repo": github.repository(12)}
    pull_request = {
        "number": 7,
        "id": 70,
        "url": f"{github.api_url}/repos/acme/hello/pulls/7",
        "title": "A title",
        "base": {"ref": "main", "sha": base, **side},
        "head": {"ref": "feature", "sha": pushed.sha, **side},
    }
    payload = {**pushed.payload, "action": "opened", "number": 7, "pull_request": pull_request}
    return replace(pushed, event="pull_request", action="opened", ref="refs/pull/7/merge", payload=payload)


def test_an_invalid_workflow_is_a_failed_run_that_says_why(
    engine: Any, github: FakeGitHub, watch: Any
) -> None:
    (run_id,) = engine.on_event(github.push("on: push\njobs: {build: {runs-on: ubuntu-latest}}\n"))

    run = watch.completed(run_id)

    assert run.conclusion == "failure"
    assert "Required property is missing: steps" in run.note


def test_an_unknown_action_is_a_failed_run_that_says_so(engine: Any, github: FakeGitHub, watch: Any) -> None:
    (run_id,) = engine.on_event(github.push(workflow("- uses: someone/something@v1")))

    run = watch.completed(run_id)

    assert run.conclusion == "failure"
    assert "Unable to resolve action `someone/something@v1`" in run.note


def test_an_action_of_the_sandbox_is_used_from_there(engine: Any, github: FakeGitHub, watch: Any) -> None:
    action = "name: Greet\nruns: {using: composite, steps: [{run: echo greetings, shell: bash}]}\n"
    github.commit({"action.yml": action})

    (run_id,) = engine.on_event(github.push(workflow("- uses: acme/hello@main")))

    assert watch.completed(run_id).conclusion == "success"
    assert "greetings" in watch.log(run_id)


def test_nothing_runs_where_actions_are_off_or_skipped(engine: Any, github: FakeGitHub) -> None:
    text = workflow("- run: true")

    assert engine.on_event(github.push(text, message="Change [skip ci]")) == []
    github.is_enabled = False
    assert engine.on_event(github.push(text, message="Change")) == []


def test_a_workflow_asleep_since_the_fork_wakes_up_when_its_file_is_pushed(
    engine: Any, github: FakeGitHub, watch: Any
) -> None:
    github.is_fork, github.is_enabled = True, False
    occasion = github.push(workflow("- run: true"))
    (record,) = engine.sync(12)
    assert record.state == "disabled_fork"
    github.is_enabled = True

    unrelated = github.pushed(github.commit({"other.txt": "x"}))
    unrelated.payload["before"] = occasion.sha
    assert engine.on_event(unrelated) == []
    (run_id,) = engine.on_event(github.push(workflow("- run: echo again")))

    assert watch.completed(run_id).conclusion == "success"


def test_a_rerun_is_the_next_attempt_of_the_same_run(engine: Any, github: FakeGitHub, watch: Any) -> None:
    (run_id,) = engine.on_event(github.push(workflow("- run: test $GITHUB_RUN_ATTEMPT = 2")))
    assert watch.completed(run_id).conclusion == "failure"

    engine.rerun(engine.records.run(run_id))

    run = watch.completed(run_id)
    assert (run.conclusion, run.attempt, run.number) == ("success", 2, 1)
    assert len(engine.records.jobs(run_id, 1)) == len(engine.records.jobs(run_id, 2)) == 1


def test_a_rerun_that_was_asked_for_before_another_one_began_is_the_attempt_after_it(
    engine: Any, github: FakeGitHub, watch: Any
) -> None:
    (run_id,) = engine.on_event(github.push(workflow("- run: true")))
    seen = watch.completed(run_id)

    for attempt in (2, 3):
        engine.rerun(seen)
        assert watch.completed(run_id).attempt == attempt


def test_a_workflow_that_cannot_be_read_keeps_no_other_one_from_running(
    engine: Any, github: FakeGitHub, watch: Any, monkeypatch: Any
) -> None:
    named = workflow("- run: true", head="run-name: ${{ fromJSON(github.event.nothing) }}")
    plain, path = workflow("- run: true"), ".github/workflows"
    files = {f"{path}/a.yml": plain, f"{path}/b.yml": named, f"{path}/c.yml": plain, f"{path}/d.yml": plain}
    of_path = engine.records.workflow

    def failing_for_one(repository_id: int, path: str, name: str, **more: Any) -> Any:
        if path.endswith("c.yml"):
            raise TimeoutError("git")
        return of_path(repository_id, path, name, **more)

    monkeypatch.setattr(engine.records, "workflow", failing_for_one)

    run_ids = engine.on_event(github.pushed(github.commit(files)))

    runs = [watch.completed(run_id) for run_id in run_ids]
    assert [(run.path[-5:], run.conclusion) for run in runs] == [
        ("a.yml", "success"),
        ("b.yml", "failure"),
        ("d.yml", "success"),
    ]
    assert "fromJSON" in runs[1].note


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_run_whose_end_cannot_be_recorded_gives_its_place_back(
    engine: Any, github: FakeGitHub, watch: Any, monkeypatch: Any
) -> None:
    update, broken = engine.records.update_run, list[int]()

    def failing_twice(run_id: int, **values: Any) -> Any:
        if values.get("status") == "completed" and len(broken) < 2:
            broken.append(run_id)
            raise OSError("database or disk is full")
        return update(run_id, **values)

    monkeypatch.setattr(engine.records, "update_run", failing_twice)
    for _ in range(2):
        engine.on_event(github.push(workflow("- run: true")))

    (run_id,) = engine.on_event(github.push(workflow("- run: true")))

    assert watch.completed(run_id).conclusion == "success"
    assert run_id not in broken


def test_what_an_engine_leaves_behind_is_lost_and_what_it_queued_is_run(
    engine: Any, github: FakeGitHub, watch: Any, tmp_path: Path
) -> None:
    occasion = github.push(workflow("- run: echo begun; sleep 60", head="concurrency: one"))
    (running,) = engine.on_event(occasion)
    watch.says(running, "begun")
    (waiting,) = engine.on_event(github.push(workflow("- run: true", head="concurrency: one")))
    survivor = subprocess.Popen(
        ["sleep", "60"], env={processes.VARIABLE: engine.records.run(running).tracking_id}
    )
    engine.close()

    again = actions.create(tmp_path / "actions", github, concurrency=1)
    (job,) = again.records.jobs(running, 1)
    again.records.update_job(job.id, status="in_progress", conclusion=None)
    for step in again.records.steps(job.id):  # as one leaves them that dies without a word
        again.records.put_step(replace(step, status="in_progress", conclusion=None))
    again.start()

    survivor.wait(60)
    lost = again.records.run(running)
    assert (lost.status, lost.conclusion) == ("completed", "failure")
    assert "The runner was lost" in lost.note
    assert {step.conclusion for step in again.records.steps(job.id)} == {"failure"}
    deadline = time.monotonic() + 60
    while again.records.run(waiting).status != "completed":
        assert time.monotonic() < deadline, again.records.run(waiting)
        time.sleep(0.01)
    assert again.records.run(waiting).conclusion == "success"
    again.close()
