"""One file at a time: what is there is looked at first, and of two writers one wins."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.apps import App, AppStatus
from app.domain.git import EntryKind, blob_name
from app.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    RateLimited,
    RemoteConflict,
    RemoteMissing,
)
from app.pipeline.files import (
    ANY,
    Expectation,
    FileChange,
    Written,
    list_files,
    put_file,
    read_file,
)
from app.pipeline.reach import reached_app
from app.ports import CodeHost, File
from tests.builders import an_app, at
from tests.fakes.code_host_files import code_host
from tests.unit.pipeline.world import World

README = b"# Template\n"
OURS = frozenset({blob_name(README)})
THEIRS = frozenset({blob_name(b"somebody else's")})


@pytest.fixture
def app(world: World) -> App:
    return world.app()


@pytest.fixture
def host(world: World) -> CodeHost:
    return code_host(world.host)


def put(app: App, host: CodeHost, path: str, content: bytes | None = b"new", **given: Any) -> Written:
    return put_file(app, FileChange(path, content, **given), host)


def at_main(world: World) -> dict[str, bytes]:
    return world.repository().files("main")


def plant(world: World, *files: File) -> None:
    repository = world.repository()
    commit = world.host.add_commit(repository, files, "Plant", repository.branches["main"])
    repository.branches["main"] = commit.sha


# -------------------- which app


@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.DETACHED, AppStatus.DELETING])
def test_an_app_that_is_in_motion_is_not_reached(world: World, status: AppStatus) -> None:
    world.app(status=status)
    with world.records.read() as tx, pytest.raises(Conflict) as refused:
        reached_app(tx, "app-1")
    assert refused.value.error_code == f"app:{status}"


def test_an_app_that_failed_is_reached_when_it_has_a_repository(world: World, app: App) -> None:
    with world.records.begin() as tx:
        tx.apps.save(an_app(status=AppStatus.FAILED, repository=app.repository))
        tx.apps.add(an_app(2, status=AppStatus.FAILED))
        assert reached_app(tx, "app-1").id == app.id
        with pytest.raises(Conflict) as refused:
            reached_app(tx, "app-2")
    assert refused.value.error_code == "app:no-repository"


# -------------------- reading


def test_files_are_listed_at_a_ref(world: World, app: App, host: CodeHost) -> None:
    listed = list_files(app, None, host)
    assert listed.commit == world.repository().branches["main"]
    assert [entry.path for entry in listed.listing.entries] == ["README.md", "package.json"]
    world.host.push("acme/app-1", "feature/x", {"a": b"1"})
    assert "a" in [entry.path for entry in list_files(app, "feature/x", host).listing.entries]


def test_a_file_is_read_at_a_ref(world: World, app: App, host: CodeHost) -> None:
    old = world.repository().branches["main"]
    world.host.push("acme/app-1", "main", {"README.md": b"changed"})
    assert read_file(app, "README.md", None, host).content == b"changed"
    assert read_file(app, "README.md", old, host).content == README
    assert read_file(app, "README.md", old, host).sha in OURS


def test_what_belongs_to_us_may_be_read(world: World, app: App, host: CodeHost) -> None:
    world.host.push("acme/app-1", "main", {".github/workflows/deploy.yml": b"on: push"})
    assert read_file(app, ".github/workflows/deploy.yml", None, host).content == b"on: push"


@pytest.mark.parametrize(
    ("path", "ref", "code"),
    [("nothing", None, "file:not-found"), ("README.md", "nothing", "ref:not-found")],
)
def test_what_is_not_there_is_told_apart(
    app: App, host: CodeHost, path: str, ref: str | None, code: str
) -> None:
    with pytest.raises(NotFound) as missing:
        read_file(app, path, ref, host)
    assert missing.value.error_code == code


def test_a_repository_that_is_gone_is_not_an_absent_file(world: World, app: App, host: CodeHost) -> None:
    del world.host.repositories["acme/app-1"]
    for act in (lambda: read_file(app, "README.md", None, host), lambda: put(app, host, "a")):
        with pytest.raises(RemoteMissing):
            act()


@pytest.mark.parametrize("path", ["", "/", "a//b", "../x", "a/..", "./a", "a\0b", "x" * 4097])
def test_a_path_that_leads_elsewhere_is_not_read(world: World, app: App, host: CodeHost, path: str) -> None:
    with pytest.raises(InvalidInput):
        read_file(app, path, None, host)
    assert world.host.faults.calls == []


@pytest.mark.parametrize("ref", ["../../acme/secret", "main:README.md", "main~1", "-x", "a b", "main?x=1"])
def test_a_ref_that_is_none_is_not_asked_for(world: World, app: App, host: CodeHost, ref: str) -> None:
    for act in (lambda: read_file(app, "a", ref, host), lambda: list_files(app, ref, host)):
        with pytest.raises(InvalidInput):
            act()
    with pytest.raises(InvalidInput):
        put(app, host, "a", branch=ref)
    assert world.host.faults.calls == []


def test_folders_links_and_submodules_are_no_files(world: World, app: App, host: CodeHost) -> None:
    plant(world, File("src/a", b"a"), File("link", b"a", "120000"), File("sub", b"f" * 40, "160000"))
    expected = {"src": EntryKind.FOLDER, "link": EntryKind.LINK, "sub": EntryKind.SUBMODULE}
    for path, kind in expected.items():
        for act in (lambda: read_file(app, path, None, host), lambda: put(app, host, path)):  # noqa: B023
            with pytest.raises(Conflict) as refused:
                act()
            assert (refused.value.error_code, refused.value.details["kind"]) == ("file:not-a-file", kind)


# -------------------- writing


def test_a_file_is_created_replaced_and_deleted_in_one_write_each(
    world: World, app: App, host: CodeHost
) -> None:
    made = put(app, host, "src/a.ts")
    assert (made.is_new, made.is_changed, made.branch) == (True, True, "main")
    assert made.commit == world.repository().branches["main"]
    changed = put(app, host, "src/a.ts", b"newer", message=" Make it newer\n")
    assert (changed.is_new, changed.blob) == (False, blob_name(b"newer"))
    assert at_main(world)["src/a.ts"] == b"newer"
    gone = put(app, host, "src/a.ts", None)
    assert gone.blob is None
    assert "src/a.ts" not in at_main(world)
    assert world.host.writes["acme/app-1"] == 3
    repository = world.repository()
    messages, sha = [], repository.branches["main"]
    for _ in range(3):
        messages.append(repository.commits[sha].message)
        sha = repository.commits[sha].parent or ""
    assert messages == ["Delete src/a.ts", "Make it newer", "Add src/a.ts"]


def test_a_file_is_written_to_the_branch_that_is_named(world: World, app: App, host: CodeHost) -> None:
    world.host.push("acme/app-1", "feature/x", {"a": b"1"})
    put(app, host, "b", branch="feature/x")
    assert world.repository().files("feature/x")["b"] == b"new"
    assert "b" not in at_main(world)
    with pytest.raises(NotFound) as missing:
        put(app, host, "b", branch="nothing")
    assert missing.value.error_code == "branch:not-found"


@pytest.mark.parametrize(
    "path",
    [
        *(".github/workflows/x.yml", ".github/branchline/deploy.mjs", ".GitHub/x", ".git/config", ".GIT /x"),
        *("../x", "/etc/passwd", "a\\b", "C:/x", "a//b", "a/./b", "", "x" * 256, "a\nb", "a\0", "git~1/x"),
    ],
)
@pytest.mark.parametrize("content", [b"x", None])
def test_a_path_that_is_not_the_apps_is_not_written(
    world: World, app: App, host: CodeHost, path: str, content: bytes | None
) -> None:
    with pytest.raises(InvalidInput):
        put(app, host, path, content)
    assert world.host.faults.calls == []


def test_a_file_takes_no_folders_place_nor_goes_below_a_file(world: World, app: App, host: CodeHost) -> None:
    plant(world, File("src/a", b"a"))
    for path, code in (("src", "file:not-a-file"), ("README.md/x/y", "file:not-a-folder")):
        with pytest.raises(Conflict) as refused:
            put(app, host, path)
        assert refused.value.error_code == code
    assert world.host.writes.total() == 0


@pytest.mark.parametrize("message", [" ", "\n", "a\0b", "x" * 10_001])
def test_a_message_has_to_say_something(world: World, app: App, host: CodeHost, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        put(app, host, "a", message=message)
    assert refused.value.error_code == "commit:invalid-message"
    assert world.host.writes.total() == 0


def test_a_file_may_have_a_mebibyte(world: World, app: App, host: CodeHost) -> None:
    put(app, host, "a", b"x" * 1024 * 1024)
    with pytest.raises(InvalidInput):
        put(app, host, "b", b"x" * (1024 * 1024 + 1))
    assert "b" not in at_main(world)


def test_what_is_so_already_is_not_committed_again(world: World, app: App, host: CodeHost) -> None:
    head = world.repository().branches["main"]
    again = put(app, host, "README.md", README, expected=Expectation(among=THEIRS))
    assert (again.is_changed, again.commit) == (False, head)
    assert world.host.writes.total() == 0


# -------------------- preconditions


@pytest.mark.parametrize(
    ("among", "outside", "is_met_by_ours", "is_met_by_nothing"),
    [
        (None, frozenset[str](), True, True),
        (OURS, frozenset[str](), True, False),
        (OURS | THEIRS, frozenset[str](), True, False),
        (THEIRS, frozenset[str](), False, False),
        (frozenset({ANY}), frozenset[str](), True, False),
        (None, frozenset({ANY}), False, True),
        (None, OURS, False, True),
        (None, THEIRS, True, True),
        (OURS, OURS, False, False),
        (frozenset[str](), frozenset[str](), False, False),
    ],
)
def test_an_expectation_is_met_or_not(
    *, among: frozenset[str] | None, outside: frozenset[str], is_met_by_ours: bool, is_met_by_nothing: bool
) -> None:
    expected = Expectation(among, outside)
    assert expected.is_met_by(blob_name(README)) is is_met_by_ours
    assert expected.is_met_by(None) is is_met_by_nothing


@pytest.mark.parametrize("content", [b"new", None])
def test_what_is_not_as_expected_stays_as_it_is(
    world: World, app: App, host: CodeHost, content: bytes | None
) -> None:
    with pytest.raises(PreconditionFailed) as failed:
        put(app, host, "README.md", content, expected=Expectation(among=THEIRS))
    assert failed.value.details == {"path": "README.md", "blob": blob_name(README)}
    with pytest.raises(PreconditionFailed) as failed:
        put(app, host, "nothing", content, expected=Expectation(among=OURS))
    assert failed.value.details["blob"] is None
    assert world.host.writes.total() == 0


def test_creating_only_is_refused_once_it_is_there_even_with_the_same_content(
    world: World, app: App, host: CodeHost
) -> None:
    only_new = Expectation(outside=frozenset({ANY}))
    put(app, host, "lock", b"mine", expected=only_new)
    with pytest.raises(PreconditionFailed):
        put(app, host, "lock", b"mine", expected=only_new)
    assert world.host.writes["acme/app-1"] == 1


def test_deleting_what_is_not_there_says_so(app: App, host: CodeHost) -> None:
    with pytest.raises(NotFound) as missing:
        put(app, host, "nothing", None)
    assert missing.value.error_code == "file:not-found"


# -------------------- others write too


def test_a_writer_who_comes_second_is_told(world: World, app: App, host: CodeHost) -> None:
    put(app, host, "README.md", b"first", expected=Expectation(among=OURS))
    with pytest.raises(PreconditionFailed):
        put(app, host, "README.md", b"second", expected=Expectation(among=OURS))
    assert at_main(world)["README.md"] == b"first"


def test_a_branch_that_moves_in_between_is_looked_at_again(world: World, app: App, host: CodeHost) -> None:
    moving = Moving(world, host, {"other.txt": b"theirs"})
    put_file(app, FileChange("README.md", b"ours", Expectation(among=OURS)), moving.host)
    assert at_main(world)["README.md"] == b"ours"
    assert at_main(world)["other.txt"] == b"theirs"


def test_a_file_that_is_changed_in_between_is_not_overwritten(world: World, app: App, host: CodeHost) -> None:
    moving = Moving(world, host, {"README.md": b"theirs"})
    with pytest.raises(PreconditionFailed):
        put_file(app, FileChange("README.md", b"ours", Expectation(among=OURS)), moving.host)
    assert at_main(world)["README.md"] == b"theirs"


def test_without_an_expectation_the_last_writer_wins(world: World, app: App, host: CodeHost) -> None:
    moving = Moving(world, host, {"README.md": b"theirs"})
    put_file(app, FileChange("README.md", b"ours"), moving.host)
    assert at_main(world)["README.md"] == b"ours"


def test_a_refusal_without_a_reason_of_ours_is_passed_on(world: World, app: App, host: CodeHost) -> None:
    world.host.fail_next(RemoteConflict("writing: main is protected"), call="write", times=2)
    with pytest.raises(RemoteConflict, match="main is protected"):
        put(app, host, "a")
    assert world.host.faults.calls.count("write") == 1


def test_a_branch_that_always_moves_is_given_up(world: World, app: App, host: CodeHost) -> None:
    moving = Moving(world, host, {"other.txt": b"0"}, times=10)
    with pytest.raises(Conflict) as gave_up:
        put_file(app, FileChange("README.md", b"ours"), moving.host)
    assert gave_up.value.error_code == "branch:moving"
    assert moving.attempts == 3


def test_a_rate_limit_reaches_the_caller(world: World, app: App, host: CodeHost) -> None:
    world.host.fail_next(RateLimited("writing: slow down", retry_at=at(60)), call="write")
    with pytest.raises(RateLimited):
        put(app, host, "a")


class Moving:
    """A host on which somebody pushes `files` just before each of our first `times` writes."""

    def __init__(self, world: World, host: CodeHost, files: dict[str, bytes], times: int = 1) -> None:
        self._world, self._files, self._left = world, files, times
        self._inner = host.files
        self.attempts = 0
        self.read = host.files.read
        self.delete = host.files.delete
        self.host = replace(host, files=self)

    def write(
        self, full_name: str, branch: str, path: str, content: bytes, message: str, *, replaces: str | None
    ) -> str:
        self.attempts += 1
        if self._left:
            self._left -= 1
            self._world.host.push(full_name, branch, self._files, f"Push {self.attempts}")
            if path not in self._files:
                raise RemoteConflict("writing: the branch moved")
        return self._inner.write(full_name, branch, path, content, message, replaces=replaces)
