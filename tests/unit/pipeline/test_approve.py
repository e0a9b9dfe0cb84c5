"""Who may have a fork's commit shown, which commit that is, and what becomes of everybody else's word."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.deliveries import DeliveryStatus
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.errors import Conflict, NotFound, RateLimited, RemoteUnavailable
from app.pipeline.approve import request_preview
from app.render.comment import marker
from tests.builders import a_pull
from tests.fakes.code_host import LOGIN
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.forks import Fork, crashing
from tests.unit.pipeline.world import World


@pytest.fixture
def fork(world: World) -> Fork:
    world.app()
    return Fork(world)


def refusals(world: World) -> list[str]:
    return [event.payload["why"] for event in world.events("app_0001") if event.tag is Tag.PREVIEW_REFUSED]


# -------------------- whose word counts


def test_who_may_write_has_the_newest_commit_approved(fork: Fork, world: World) -> None:
    commit = fork.push()
    assert fork.comment() is DeliveryStatus.PROCESSED
    world.run_queue()
    assert fork.approvals(commit) == ["ada"]
    (event,) = [it for it in world.events("app_0001") if it.tag is Tag.PREVIEW_APPROVED]
    assert (event.actor, event.payload) == ("github:ada", {"number": 7, "commit": commit})
    assert "`aaaaaaa` was approved by ada and is shown when its run has ended well." in fork.said


@pytest.mark.parametrize("author", ["mallory", "somebody", "dependabot[bot]", LOGIN])
def test_nobody_else_has(fork: Fork, world: World, author: str) -> None:
    commit = fork.push()
    fork.comment(author=author)
    world.run_queue()
    assert fork.approvals(commit) == [None]
    assert refusals(world) == ["may not write to the repository"]
    assert "Nothing changed" not in fork.said
    assert not world.jobs(JobType.FORK_PREVIEW)


def test_our_own_name_counts_for_nothing_even_with_the_right_to_write(fork: Fork, world: World) -> None:
    world.repository().writers.add(LOGIN)
    commit = fork.push()
    fork.comment(author=LOGIN)
    world.run_queue()
    assert fork.approvals(commit) == [None]


def test_our_own_comment_is_not_even_looked_at(fork: Fork, world: World) -> None:
    fork.push()
    world.run_queue()
    said = f"{marker('app_0001')}\n/preview"
    assert fork.comment(said) is DeliveryStatus.IGNORED
    ours = world.known_pull().comment_id
    assert fork.comment(comment_id=ours) is DeliveryStatus.IGNORED


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "/preview please"},
        {"body": "I like this\n/preview"},
        {"author": None},
        {"number": 8},
        {"is_on_pull_request": False},
    ],
)
def test_what_is_no_wish_is_ignored(fork: Fork, world: World, changes: dict[str, Any]) -> None:
    fork.push()
    assert fork.hear(replace(fork.comment_report(), **changes)) is DeliveryStatus.IGNORED
    assert not world.jobs(JobType.APPROVE)


@pytest.mark.parametrize("changes", [{"is_from_fork": False}, {"is_open": False}])
def test_only_what_is_open_and_a_forks_is_approved(fork: Fork, world: World, changes: dict[str, Any]) -> None:
    fork.push()
    world.pull(replace(world.known_pull(), **changes))
    assert fork.comment() is DeliveryStatus.IGNORED


def test_a_comment_on_a_repository_of_nobodys_is_ignored(fork: Fork) -> None:
    fork.push()
    report = fork.comment_report()
    assert fork.hear(replace(report, repository=replace(report.repository, id=1))) is DeliveryStatus.IGNORED


def test_a_right_that_was_taken_away_meanwhile_counts(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    world.repository().writers.clear()
    world.run_queue()
    assert fork.approvals(commit) == [None]


# -------------------- which commit


@pytest.mark.parametrize("word", ["/preview", "/preview aaaaaaa", "/preview " + "a" * 40])
def test_a_commit_may_be_named(fork: Fork, world: World, word: str) -> None:
    commit = fork.push()
    fork.comment(word)
    world.run_queue()
    assert fork.approvals(commit) == ["ada"]


def test_another_commit_than_the_newest_is_refused(fork: Fork, world: World) -> None:
    old, new = fork.push("a"), fork.push("b")
    fork.comment("/preview aaaaaaa")
    world.run_queue()
    assert fork.approvals(old, new) == [None, None]
    assert refusals(world) == ["ada said /preview aaaaaaa, and the newest commit is bbbbbbb"]
    assert f"To show the newest commit, say `/preview {new}`." in fork.said


def said(fork: Fork, body: str = "/preview") -> Callable[[], Any]:
    """Return the delivery of a comment that is written now and may arrive later."""
    fork.world.clock.advance(10)
    report = fork.comment_report(body)
    return lambda: fork.hear(report)


@pytest.mark.parametrize("word", ["/preview", "/preview bbbbbbb"])
def test_a_push_after_the_comment_that_is_heard_of_before_it(fork: Fork, world: World, word: str) -> None:
    fork.push("a")
    deliver = said(fork, word)
    pushed = fork.push("b")
    deliver()
    world.run_queue()
    assert fork.approvals(pushed, "a" * 40) == [None, None]
    assert refusals(world) == ["ada said /preview before bbbbbbb came"]
    assert "**Nothing changed:** ada said /preview before bbbbbbb came." in fork.said


def test_a_push_between_the_comment_and_the_look_at_it(fork: Fork, world: World) -> None:
    fork.push("a")
    fork.comment()
    pushed = fork.push("b")
    world.run_queue()
    assert fork.approvals(pushed, "a" * 40) == [None, None]
    assert refusals(world) == ["ada said /preview before bbbbbbb came"]


def test_a_push_that_nobody_told_us_of(fork: Fork, world: World) -> None:
    """Its delivery is late or lost: what GitHub has now counts."""
    fork.push("a")
    fork.comment()
    hidden = fork.push("b", is_heard=False)
    world.run_queue()
    assert fork.approvals(hidden, "a" * 40) == [None, None]
    fork.hear(fork.changed("synchronize"))
    world.run_queue()
    assert f"say `/preview {hidden}`" in fork.said


def test_a_push_in_the_second_of_the_comment(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.hear(fork.comment_report())
    world.run_queue()
    assert fork.approvals(commit) == [None]


def test_a_name_in_full_is_good_whatever_came_when(fork: Fork, world: World) -> None:
    fork.push("a")
    deliver = said(fork, "/preview " + "b" * 40)
    pushed = fork.push("b")
    deliver()
    world.run_queue()
    assert fork.approvals(pushed, "a" * 40) == ["ada", None]


def test_a_title_that_is_edited_after_the_comment_changes_nothing(fork: Fork, world: World) -> None:
    commit = fork.push()
    deliver = said(fork)
    world.clock.advance(60)
    fork.hear(fork.changed("edited", title="Better"))
    deliver()
    world.run_queue()
    assert fork.approvals(commit) == ["ada"]


def test_where_nobody_knows_since_when_a_commit_is_the_newest_the_last_change_counts(
    fork: Fork, world: World
) -> None:
    commit = fork.push()
    world.pull(replace(world.known_pull(), pushed_at=None))
    fork.comment()
    world.run_queue()
    assert fork.approvals(commit) == ["ada"]
    changed = replace(world.known_pull(), pushed_at=None, updated_at=world.clock() + timedelta(minutes=1))
    other = fork.push("b", is_heard=False)
    world.pull(replace(changed, head_commit=other))
    fork.comment(created_at=world.clock())
    world.run_queue()
    assert fork.approvals(other) == [None]


def test_an_approval_is_of_one_commit(fork: Fork, world: World) -> None:
    first = fork.push("a")
    fork.comment()
    world.run_queue()
    second = fork.push("b")
    world.run_queue()
    assert fork.approvals(first, second) == ["ada", None]


def test_a_second_word_changes_neither_who_nor_when(fork: Fork, world: World) -> None:
    world.repository().writers.add("bob")
    commit = fork.push()
    for author in ("ada", "bob"):
        fork.comment(author=author)
        world.run_queue()
    assert fork.approvals(commit) == ["ada"]
    assert world.tags("app_0001").count(Tag.PREVIEW_APPROVED) == 1
    assert len(world.jobs(JobType.FORK_PREVIEW)) == 2


def test_a_refusal_is_forgotten_when_it_is_said_again(fork: Fork, world: World) -> None:
    fork.push("a")
    deliver = said(fork)
    commit = fork.push("b")
    deliver()
    world.run_queue()
    assert "Nothing changed" in fork.said
    fork.comment()
    world.run_queue()
    assert "Nothing changed" not in fork.said
    assert fork.approvals(commit) == ["ada"]


def test_a_refusal_is_not_shown_when_yet_another_commit_came(fork: Fork, world: World) -> None:
    fork.push("a")
    deliver = said(fork)
    fork.push("b")
    deliver()
    world.run_queue()
    fork.push("c")
    world.run_queue()
    assert "Nothing changed" not in fork.said


# -------------------- what happens meanwhile


def test_a_pull_request_that_was_closed_meanwhile_is_not_approved(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    fork.close()
    world.run_queue()
    assert fork.approvals(commit) == [None]


def test_a_pull_request_that_github_has_closed_is_not_approved(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    world.repository().proposed[7] = ""
    world.run_queue()
    assert fork.approvals(commit) == [None]


@pytest.mark.parametrize("changes", [{"status": AppStatus.DETACHED}, {"repository": None}])
def test_an_app_out_of_reach_is_left_alone(fork: Fork, world: World, changes: dict[str, Any]) -> None:
    commit = fork.push()
    fork.comment()
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), **changes))
    assert "skipped" in world.run(world.jobs(JobType.APPROVE)[0])
    assert fork.approvals(commit) == [None]


def test_github_is_waited_for(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    world.host.fail_next(RateLimited("slow down", retry_at=world.clock()), call="may_write")
    world.host.fail_next(RemoteUnavailable("unwell"), call="of_open")
    steps = FakeSteps()
    world.run(world.jobs(JobType.APPROVE)[0], steps)
    assert steps.waited_for == ["slow down", "unwell"]
    assert fork.approvals(commit) == ["ada"]


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_it_survives_a_crash_at_every_step(fork: Fork, world: World, step: int, moment: str) -> None:
    commit = fork.push()
    fork.comment()
    steps, job = crashing(moment, step), world.jobs(JobType.APPROVE)[0]
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert fork.approvals(commit) == ["ada"]
    assert world.tags("app_0001").count(Tag.PREVIEW_APPROVED) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_refusal_survives_a_crash(fork: Fork, world: World, moment: str) -> None:
    fork.push("a")
    fork.comment("/preview bbbbbbb")
    steps, job = crashing(moment, 3), world.jobs(JobType.APPROVE)[0]
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert len(refusals(world)) == 1


# -------------------- over the API


def ask(world: World, commit: str, number: int = 7) -> tuple[str, Job]:
    with world.records.begin() as tx:
        approval, job = request_preview(tx, "app-1", number, commit, actor="token", at=world.clock())
    return approval.actor, job


def test_the_api_approves_the_newest_commit(fork: Fork, world: World) -> None:
    commit = fork.push()
    actor, job = ask(world, commit)
    assert (actor, job.type, job.arguments) == (
        "token",
        JobType.FORK_PREVIEW,
        {"pull_request": 7, "commit": commit},
    )
    world.run_queue()
    assert "`aaaaaaa` was approved over the API" in fork.said
    fork.comment()
    world.run_queue()
    assert ask(world, commit)[0] == "token"


def test_the_api_approves_nothing_else(fork: Fork, world: World) -> None:
    old, new = fork.push("a"), fork.push("b")
    for commit in (old, new[:7], "", "c" * 40):
        with pytest.raises(Conflict) as refused:
            ask(world, commit)
        assert (refused.value.error_code, refused.value.details["commit"]) == (
            "pull-request:other-commit",
            new,
        )
    with pytest.raises(NotFound):
        ask(world, new, 8)
    world.pull(a_pull(9))
    with pytest.raises(Conflict, match="it is no fork's"):
        ask(world, "a" * 40, 9)
    fork.close()
    with pytest.raises(Conflict, match="it is closed"):
        ask(world, new)
    assert fork.approvals(old, new) == [None, None]
