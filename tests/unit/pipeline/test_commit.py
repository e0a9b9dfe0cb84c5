"""Many files, one commit: whole or not at all, and the same when it is asked for twice."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from app.domain.apps import App, AppStatus
from app.domain.events import Tag
from app.domain.jobs import Job
from app.errors import (
    BranchlineError,
    Conflict,
    InvalidInput,
    NotFound,
    RateLimited,
    RemoteConflict,
    RemoteUnavailable,
)
from app.pipeline.commit import (
    Changes,
    CommitOrder,
    Committed,
    Committer,
    ProposalText,
    check_changes,
    commit_files,
    request_commit,
    run_commit,
)
from app.pipeline.generate import GivenFile
from app.ports import CodeHost, File
from tests.builders import at
from tests.fakes.code_host_files import code_host
from tests.fakes.code_host_ports import FakeContents
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.world import World

NEW = GivenFile("src/a.ts", "new")
BLUE = ProposalText("A blue button", "Look")
UNKNOWN = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def app(world: World) -> App:
    return world.app()


@pytest.fixture
def host(world: World) -> CodeHost:
    return code_host(world.host)


def commit(app: App, host: CodeHost, *files: GivenFile, **given: Any) -> Committed:
    order = CommitOrder(**{"message": "Change it", "files": files, **given})
    return commit_files(app, check_changes(app, order), host)


def head(world: World, branch: str = "main") -> str:
    return world.repository().branches[branch]


# -------------------- what may be asked for


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"files": ()}, "commit:empty"),
        ({"message": " "}, "commit:invalid-message"),
        ({"message": "x" * 10_001}, "commit:invalid-message"),
        ({"files": [NEW, NEW]}, "app:invalid-files"),
        ({"deleted": ["a", "a"], "files": ()}, "app:invalid-files"),
        ({"deleted": ["src/a.ts"]}, "app:invalid-files"),
        ({"files": [NEW, GivenFile("src", "file and folder")]}, "app:invalid-files"),
        ({"files": [GivenFile("a", "not base64", "base64")]}, "app:invalid-files"),
        ({"files": [GivenFile("a", "YQ=", "base64")]}, "app:invalid-files"),
        ({"files": [GivenFile("a", "é", "base64")]}, "app:invalid-files"),
        ({"files": [GivenFile("a", "\ud800")]}, "app:invalid-files"),
        ({"files": [GivenFile("a", "x" * (1024 * 1024 + 1))]}, "app:invalid-files"),
        ({"files": [GivenFile(str(n), "x" * 1024 * 1024) for n in range(11)]}, "app:invalid-files"),
        ({"files": [GivenFile(str(n), "") for n in range(501)]}, "app:invalid-files"),
        ({"files": [GivenFile(".github/workflows/x.yml", "")]}, "app:invalid-files"),
        ({"deleted": [".github/workflows/deploy.yml"]}, "app:invalid-files"),
        ({"deleted": ["../x"]}, "app:invalid-files"),
        ({"branch": "a..b"}, "ref:invalid-name"),
        ({"branch": "main", "proposal": BLUE}, "branch:is-default"),
        ({"proposal": BLUE}, "branch:is-default"),
        ({"is_new_branch": True}, "branch:is-default"),
        ({"branch": "blue", "proposal": ProposalText(" ")}, "commit:invalid-message"),
        ({"branch": "blue", "proposal": ProposalText("x" * 251)}, "commit:invalid-message"),
    ],
)
def test_an_order_is_checked_before_anything_is_asked(
    world: World, app: App, host: CodeHost, given: dict[str, Any], code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        commit(app, host, **{"files": [NEW], **given})
    assert refused.value.error_code == code
    assert world.host.faults.calls == []


# -------------------- at once


def test_files_are_added_changed_and_deleted_in_one_commit(world: World, app: App, host: CodeHost) -> None:
    before = head(world)
    icon = GivenFile("icon.png", base64.b64encode(b"\x89PNG\xff").decode(), "base64")
    made = commit(app, host, NEW, icon, GivenFile("README.md", "changed"), deleted=["package.json"])
    assert (made.is_changed, made.branch, made.commit) == (True, "main", head(world))
    assert world.repository().commits[made.commit].parent == before
    assert world.repository().commits[made.commit].message == "Change it"
    assert world.repository().files("main") == {
        "README.md": b"changed",
        "icon.png": b"\x89PNG\xff",
        "src/a.ts": b"new",
    }
    assert world.host.writes["acme/app-1"] == 4


def test_an_executable_stays_one(world: World, app: App, host: CodeHost) -> None:
    repository = world.repository()
    planted = world.host.add_commit(repository, [File("run.sh", b"old", "100755")], "Plant", head(world))
    repository.branches["main"] = planted.sha
    made = commit(app, host, GivenFile("run.sh", "new"))
    assert repository.commits[made.commit].files["run.sh"].mode == "100755"


def test_only_what_differs_is_committed(world: World, app: App, host: CodeHost) -> None:
    same = GivenFile("README.md", "# Template\n")
    before = head(world)
    made = commit(app, host, same)
    assert (made.is_changed, made.commit) == (False, before)
    assert world.host.writes.total() == 0
    again = commit(app, host, NEW, same)
    assert commit(app, host, NEW, same) == Committed("main", again.commit, is_changed=False)
    assert world.host.writes["acme/app-1"] == 3


@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        ({"deleted": ["nothing"]}, NotFound, "file:not-found"),
        ({"deleted": ["src"]}, Conflict, "file:not-a-file"),
        ({"files": [GivenFile("src", "x")]}, Conflict, "file:not-a-file"),
        ({"files": [GivenFile("README.md/x", "x")]}, Conflict, "file:not-a-folder"),
        ({"files": [GivenFile("link", "x")]}, Conflict, "file:not-a-file"),
        ({"branch": "nothing"}, NotFound, "branch:not-found"),
        ({"parent": UNKNOWN}, Conflict, "branch:moved"),
        ({"branch": "blue", "is_new_branch": True, "parent": UNKNOWN}, NotFound, "ref:not-found"),
    ],
)
def test_one_thing_that_is_wrong_keeps_all_of_it_back(  # noqa: PLR0917
    world: World, app: App, host: CodeHost, given: dict[str, Any], kind: type[BranchlineError], code: str
) -> None:
    repository = world.repository()
    files = [File("src/b", b"b"), File("link", b"src/b", "120000")]
    repository.branches["main"] = world.host.add_commit(repository, files, "Plant", head(world)).sha
    before = dict(repository.branches)
    with pytest.raises(kind) as refused:
        commit(app, host, **{"files": [NEW], **given})
    assert refused.value.error_code == code
    assert repository.branches == before
    assert world.host.writes.total() == 0


def test_a_link_may_be_deleted(world: World, app: App, host: CodeHost) -> None:
    repository = world.repository()
    planted = world.host.add_commit(repository, [File("link", b"x", "120000")], "Plant", head(world))
    repository.branches["main"] = planted.sha
    commit(app, host, deleted=["link"])
    assert "link" not in repository.files("main")


# -------------------- others write too


def test_a_branch_that_left_the_parent_is_told_with_where_it_is(
    world: World, app: App, host: CodeHost
) -> None:
    parent = head(world)
    now = world.host.push("acme/app-1", "main", {"other": b"1"})
    with pytest.raises(Conflict) as moved:
        commit(app, host, NEW, parent=parent)
    assert (moved.value.error_code, moved.value.details["head"]) == ("branch:moved", now)
    assert head(world) == now


def test_a_branch_that_moves_in_between_is_followed(world: World, app: App, host: CodeHost) -> None:
    commit(app, overtaken(world, host), NEW)
    assert world.repository().files("main")["other"] == b"theirs"
    assert world.repository().files("main")["src/a.ts"] == b"new"


def test_a_branch_that_moves_in_between_is_not_followed_with_a_parent(
    world: World, app: App, host: CodeHost
) -> None:
    parent = head(world)
    with pytest.raises(Conflict) as moved:
        commit(app, overtaken(world, host), NEW, parent=parent)
    assert moved.value.error_code == "branch:moved"
    assert "src/a.ts" not in world.repository().files("main")


def test_a_refusal_without_a_reason_of_ours_is_passed_on(world: World, app: App, host: CodeHost) -> None:
    world.host.fail_next(RemoteConflict("committing: main is protected"), call="commit")
    with pytest.raises(RemoteConflict, match="main is protected"):
        commit(app, host, NEW)


# -------------------- a new branch, a pull request


def test_a_new_branch_begins_at_the_default_branch_or_the_parent(
    world: World, app: App, host: CodeHost
) -> None:
    old = head(world)
    world.host.push("acme/app-1", "main", {"other": b"1"})
    commit(app, host, NEW, branch="blue", is_new_branch=True)
    commit(app, host, NEW, branch="red", is_new_branch=True, parent=old)
    assert "other" in world.repository().files("blue")
    assert "other" not in world.repository().files("red")
    assert "src/a.ts" not in world.repository().files("main")


def test_a_new_branch_with_a_pull_request(world: World, app: App, host: CodeHost) -> None:
    made = commit(app, host, NEW, branch="blue", is_new_branch=True, proposal=BLUE)
    (pull,) = world.repository().pulls
    assert (pull.head, pull.base, pull.title, pull.body) == ("blue", "main", "A blue button", "Look")
    assert made.proposal is not None
    assert made.proposal.number == pull.number


def test_asking_twice_for_a_new_branch_makes_it_once(world: World, app: App, host: CodeHost) -> None:
    asked: dict[str, Any] = {"branch": "blue", "is_new_branch": True, "proposal": BLUE}
    first = commit(app, host, NEW, deleted=["package.json"], **asked)
    again = commit(app, host, NEW, deleted=["package.json"], **asked)
    assert (again.commit, again.proposal, again.is_changed) == (first.commit, first.proposal, False)
    assert len(world.repository().pulls) == 1


def test_a_branch_of_another_is_not_taken_for_a_new_one(world: World, app: App, host: CodeHost) -> None:
    theirs = world.host.push("acme/app-1", "blue", {"src/a.ts": b"theirs"})
    with pytest.raises(Conflict) as refused:
        commit(app, host, NEW, branch="blue", is_new_branch=True)
    assert (refused.value.error_code, refused.value.details["head"]) == ("branch:exists", theirs)
    assert head(world, "blue") == theirs


def test_a_new_branch_needs_a_change(world: World, app: App, host: CodeHost) -> None:
    with pytest.raises(Conflict) as refused:
        commit(app, host, GivenFile("README.md", "# Template\n"), branch="blue", is_new_branch=True)
    assert refused.value.error_code == "commit:empty"
    assert "blue" not in world.repository().branches


@pytest.mark.parametrize(
    "error", [RemoteConflict("no"), RateLimited("later", retry_at=at(60)), RemoteUnavailable("away")]
)
def test_a_commit_without_its_pull_request_is_told(
    world: World, app: App, host: CodeHost, error: RemoteConflict | RemoteUnavailable
) -> None:
    asked: dict[str, Any] = {"branch": "blue", "is_new_branch": True, "proposal": BLUE}
    world.host.fail_next(error, call="open")
    with pytest.raises(type(error)) as failed:
        commit(app, host, NEW, **asked)
    assert failed.value.details["commit"] == head(world, "blue")
    assert commit(app, host, NEW, **asked).proposal is not None


# -------------------- as a job

UPLOADS = [GivenFile(f"{n}.png", base64.b64encode(b"\xff%d" % n).decode(), "base64") for n in range(5)]


@pytest.fixture
def long(app: App) -> Changes:
    order = CommitOrder("Add icons", [*UPLOADS, NEW], branch="blue", is_new_branch=True, proposal=BLUE)
    return check_changes(app, order)


def ask(world: World, app: App, changes: Changes) -> Job:
    with world.records.begin() as tx:
        return request_commit(tx, app, changes, actor="token")


def run(world: World, job: Job, steps: FakeSteps | None = None) -> dict[str, Any]:
    return run_commit(job, steps or FakeSteps(), Committer(world.records, code_host(world.host), world.clock))


def test_what_has_much_to_upload_takes_long(app: App, long: Changes) -> None:
    assert long.takes_long
    assert not check_changes(app, CommitOrder("Add", UPLOADS[:4])).takes_long
    assert not check_changes(app, CommitOrder("Add", [GivenFile(str(n), "") for n in range(500)])).takes_long


def test_a_job_commits_and_proposes(world: World, app: App, long: Changes) -> None:
    steps = FakeSteps()
    result = run(world, ask(world, app, long), steps)
    (pull,) = world.repository().pulls
    assert steps.step_names == ["commit files", "open pull request", "write it down"]
    assert result == {
        "branch": "blue",
        "commit": head(world, "blue"),
        "pullRequest": {
            "number": pull.number,
            "htmlUrl": f"https://github.test/acme/app-1/pull/{pull.number}",
        },
    }
    assert world.repository().files("blue")["3.png"] == b"\xff3"
    (event,) = world.events(app.id)
    assert (event.tag, event.actor) == (Tag.FILES_COMMITTED, "token")
    assert event.payload["commit"] == result["commit"]
    assert event.payload["files"] == 6


@pytest.mark.parametrize("step", range(1, 4))
@pytest.mark.parametrize("is_done", [False, True])
def test_a_job_survives_a_kill_at_any_moment(
    world: World, app: App, long: Changes, step: int, *, is_done: bool
) -> None:
    job = ask(world, app, long)
    steps = FakeSteps(crash_after=step) if is_done else FakeSteps(crash_before=step)
    with pytest.raises(Crashed):
        run(world, job, steps)
    steps.restart()
    result = run(world, job, steps)
    assert result["commit"] == head(world, "blue")
    assert world.repository().commits[result["commit"]].parent == head(world)
    assert len(world.repository().pulls) == 1
    assert len(world.events(app.id)) == 1


def test_a_job_waits_for_a_host_that_is_away(world: World, app: App, long: Changes) -> None:
    world.host.fail_next(RemoteUnavailable("away"), call="commit", times=2)
    steps = FakeSteps()
    run(world, ask(world, app, long), steps)
    assert steps.waited_for == ["away", "away"]


def test_a_job_whose_answer_was_lost_finds_its_commit(world: World, app: App) -> None:
    changes = check_changes(app, CommitOrder("Add icons", UPLOADS, deleted=["package.json"]))
    world.host.fail_next(RemoteUnavailable("lost"), call="commit", is_late=True)
    before = head(world)
    result = run(world, ask(world, app, changes))
    assert world.repository().commits[result["commit"]].parent == before


def test_a_job_of_an_app_that_is_being_deleted_ends(world: World, app: App, long: Changes) -> None:
    job = ask(world, app, long)
    with world.records.begin() as tx:
        tx.apps.save(replace(app, status=AppStatus.DELETING))
    with pytest.raises(Conflict):
        run(world, job)


class Overtaken(FakeContents):
    """Contents of a repository to which somebody pushes just before our first commit."""

    is_overtaken = False

    def commit(self, full_name: str, branch: str, *given: Any, **more: Any) -> str:
        if not self.is_overtaken:
            self.is_overtaken = True
            self.host.push(full_name, branch, {"other": b"theirs"})
        return super().commit(full_name, branch, *given, **more)


def overtaken(world: World, host: CodeHost) -> CodeHost:
    return replace(host, contents=Overtaken(world.host))
