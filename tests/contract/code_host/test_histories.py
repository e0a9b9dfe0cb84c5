from dataclasses import replace

import pytest

from app.domain.apps import Repository
from app.domain.git_addresses import GitAddress
from app.errors import RemoteConflict, RemoteRefused
from app.ports import File, Merged, MergeOutcome
from tests.contract.code_host.hosts import ORG, TEMPLATE, CodeHost, commit, eventually, head, new_name

FILES = {"README.md": b"# Elsewhere\n", "src/a.ts": b"a\n"}
ASIDE = "branchline/sync"


@pytest.fixture
def source(host: CodeHost) -> GitAddress:
    return host.elsewhere(FILES)


@pytest.fixture
def empty(host: CodeHost) -> Repository:
    """Return a repository of ours that has nothing yet, and runs nothing."""
    made = host.new_repositories.create(f"{ORG}/{new_name('new')}", is_private=False)
    host.new_repositories.disable_actions(made.full_name)
    return made


@pytest.fixture
def copied(host: CodeHost, source: GitAddress, empty: Repository) -> Repository:
    host.histories.copy(source, empty, {})
    return empty


def found(host: CodeHost, full_name: str) -> Repository:
    repository = host.repositories.find(full_name)
    assert repository is not None
    return repository


# -------------------- new repositories


def test_a_new_repository_is_empty(host: CodeHost, empty: Repository) -> None:
    assert host.contents.head(empty.full_name, "main") is None
    assert (empty.is_fork, empty.is_private, empty.parent_full_name) == (False, False, None)
    assert found(host, empty.full_name).id == empty.id


def test_a_taken_name_is_a_conflict(host: CodeHost, empty: Repository) -> None:
    with pytest.raises(RemoteConflict):
        host.new_repositories.create(empty.full_name, is_private=False)


def test_another_branch_becomes_the_default_one(host: CodeHost, copied: Repository) -> None:
    host.contents.ensure_branch(copied.full_name, "trunk", head(host, copied.full_name))
    for _ in range(2):
        host.new_repositories.make_default(copied.full_name, "trunk")
    assert found(host, copied.full_name).default_branch == "trunk"
    with pytest.raises(RemoteConflict):
        host.new_repositories.make_default(copied.full_name, "nothing")


# -------------------- copies


def test_the_branches_elsewhere_are_seen(host: CodeHost, source: GitAddress) -> None:
    host.push_elsewhere(source, "feature/x", {"x": b"1"})
    heads = host.histories.heads(source)
    assert (heads.default_branch, sorted(heads.branches)) == ("main", ["feature/x", "main"])
    assert host.histories.heads(host.elsewhere(FILES, "trunk")).default_branch == "trunk"


def test_what_is_empty_or_not_there_is_refused(host: CodeHost, source: GitAddress) -> None:
    with pytest.raises(RemoteRefused) as empty:
        host.histories.heads(host.elsewhere({}))
    assert empty.value.error_code == "import:empty"
    with pytest.raises(RemoteRefused) as missing:
        host.histories.heads(replace(source, url=source.url.replace("elsewhere", "nowhere")))
    assert missing.value.error_code in {"import:not-found", "import:not-readable"}


def test_a_history_is_copied_whole(host: CodeHost, source: GitAddress, empty: Repository) -> None:
    first = host.push_elsewhere(source, "main", {"more": b"1"})
    branch = host.push_elsewhere(source, "feature/x", {"x": b"1"})
    for _ in range(2):
        assert host.histories.copy(source, empty, {}) == first
    assert head(host, empty.full_name) == first
    assert head(host, empty.full_name, "feature/x") == branch
    assert host.file(empty.full_name, "main", "src/a.ts") == b"a\n"
    assert found(host, empty.full_name).default_branch == "main"


def test_the_default_branch_may_get_another_name(host: CodeHost, empty: Repository) -> None:
    source = host.elsewhere(FILES, "master")
    made = host.histories.copy(source, empty, {"master": "main"})
    assert head(host, empty.full_name) == made
    assert host.contents.head(empty.full_name, "master") is None
    assert found(host, empty.full_name).default_branch == "main"


def test_the_default_branch_stays_the_default_one(host: CodeHost, empty: Repository) -> None:
    source = host.elsewhere(FILES, "trunk")
    host.push_elsewhere(source, "also", {"x": b"1"})
    host.histories.copy(source, empty, {})
    assert found(host, empty.full_name).default_branch == "trunk"


# -------------------- merges of what was imported


def merge(host: CodeHost, source: GitAddress | Repository, target: Repository) -> Merged:
    return host.histories.merge(source, target, "main", aside=ASIDE)


def test_nothing_new_is_said(host: CodeHost, source: GitAddress, copied: Repository) -> None:
    commit(host, copied.full_name, File("ours", b"1"))
    now = head(host, copied.full_name)
    merged = merge(host, source, copied)
    assert (merged.outcome, merged.commit, merged.aside) == (MergeOutcome.UP_TO_DATE, now, None)


def test_a_branch_without_commits_of_ours_moves_forwards(
    host: CodeHost, source: GitAddress, copied: Repository
) -> None:
    new = host.push_elsewhere(source, "main", {"src/b.ts": b"b"})
    assert merge(host, source, copied) == Merged(MergeOutcome.MERGED, new, new)
    assert head(host, copied.full_name) == new


def test_commits_that_get_along_are_merged(host: CodeHost, source: GitAddress, copied: Repository) -> None:
    commit(host, copied.full_name, File("ours", b"1"))
    new = host.push_elsewhere(source, "main", {"src/b.ts": b"b"})
    merged = merge(host, source, copied)
    assert (merged.outcome, merged.upstream) == (MergeOutcome.MERGED, new)
    assert merged.commit == head(host, copied.full_name)
    assert host.file(copied.full_name, "main", "ours") == b"1"
    assert host.file(copied.full_name, "main", "src/b.ts") == b"b"
    assert merge(host, source, copied).outcome is MergeOutcome.UP_TO_DATE


def test_a_conflict_changes_nothing_and_waits_aside(
    host: CodeHost, source: GitAddress, copied: Repository
) -> None:
    ours = commit(host, copied.full_name, File("README.md", b"ours"))
    theirs = host.push_elsewhere(source, "main", {"README.md": b"theirs"})
    for _ in range(2):
        merged = merge(host, source, copied)
        assert merged == Merged(MergeOutcome.CONFLICT, ours, theirs, f"{ASIDE}-{theirs[:7]}")
    assert head(host, copied.full_name) == ours
    assert head(host, copied.full_name, merged.aside or "") == theirs
    assert host.proposals.open(
        copied.full_name, head=merged.aside or "", base="main", title="Sync", body=""
    ).number


# -------------------- merges of what was made from a template


@pytest.fixture
def template(host: CodeHost) -> Repository:
    """Return a template of its own for the test, private as a template may be."""
    return found(host, host.repositories.generate(TEMPLATE, ORG, new_name("tpl"), is_private=True).full_name)


@pytest.fixture
def made(host: CodeHost) -> Repository:
    """Return a repository with the same files and a history of its own."""
    return found(host, host.repositories.generate(TEMPLATE, ORG, new_name("made"), is_private=True).full_name)


def test_a_template_without_history_in_common_is_merged(
    host: CodeHost, template: Repository, made: Repository
) -> None:
    commit(host, made.full_name, File("ours", b"1"), File("package.json", b'{"ours": 1}\n'))
    commit(host, template.full_name, File("src/index.ts", b"export const b = 1;\n"), File("new", b"n"))
    merged = merge(host, template, made)
    assert (merged.outcome, merged.upstream) == (MergeOutcome.MERGED, head(host, template.full_name))
    files = {
        it: host.file(made.full_name, "main", it) for it in ("ours", "package.json", "src/index.ts", "new")
    }
    assert files == {
        "ours": b"1",
        "package.json": b'{"ours": 1}\n',
        "src/index.ts": b"export const b = 1;\n",
        "new": b"n",
    }
    assert merge(host, template, made).outcome is MergeOutcome.UP_TO_DATE
    commit(host, template.full_name, File("new", b"newer"))
    assert merge(host, template, made).outcome is MergeOutcome.MERGED
    assert host.file(made.full_name, "main", "new") == b"newer"


def test_a_template_that_conflicts_can_be_proposed(
    host: CodeHost, template: Repository, made: Repository
) -> None:
    ours = commit(host, made.full_name, File("package.json", b'{"ours": 1}\n'))
    theirs = commit(host, template.full_name, File("package.json", b'{"theirs": 1}\n'))
    first, again = merge(host, template, made), merge(host, template, made)
    assert first == again == Merged(MergeOutcome.CONFLICT, ours, theirs, f"{ASIDE}-{theirs[:7]}")
    assert head(host, made.full_name) == ours
    aside = first.aside or ""
    assert host.file(made.full_name, aside, "package.json") == b'{"theirs": 1}\n'
    proposal = host.proposals.open(made.full_name, head=aside, base="main", title="Sync", body="")
    assert proposal.number


# -------------------- merges of forks


@pytest.fixture
def fork_of(host: CodeHost, shop: str) -> str:
    """Return a fork of the shop, which is filled."""
    made = host.repositories.fork(shop, ORG, new_name("fork"))
    eventually(lambda: host.contents.head(made.full_name, "main"))
    return made.full_name


def test_a_fork_takes_its_parents_commits(host: CodeHost, shop: str, fork_of: str) -> None:
    def sync() -> Merged:
        return host.upstreams.merge_parent(found(host, fork_of), "main", aside=ASIDE)

    assert sync().outcome is MergeOutcome.UP_TO_DATE
    theirs = commit(host, shop, File("theirs", b"1"))
    assert sync() == Merged(MergeOutcome.MERGED, theirs, theirs)
    commit(host, fork_of, File("ours", b"1"))
    commit(host, shop, File("theirs", b"2"))
    merged = sync()
    assert (merged.outcome, merged.commit) == (MergeOutcome.MERGED, head(host, fork_of))
    assert host.file(fork_of, "main", "theirs") == b"2"


def test_a_fork_that_conflicts_waits_aside(host: CodeHost, shop: str, fork_of: str) -> None:
    ours = commit(host, fork_of, File("package.json", b"ours"))
    theirs = commit(host, shop, File("package.json", b"theirs"))
    for _ in range(2):
        merged = host.upstreams.merge_parent(found(host, fork_of), "main", aside=ASIDE)
        assert merged == Merged(MergeOutcome.CONFLICT, ours, theirs, f"{ASIDE}-{theirs[:7]}")
    assert head(host, fork_of) == ours
    assert head(host, fork_of, merged.aside or "") == theirs
