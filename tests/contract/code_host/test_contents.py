import pytest

from app.errors import RemoteConflict, RemoteMissing
from app.ports import File
from tests.contract.code_host.hosts import (
    ORG,
    SILENT_WORKFLOW,
    TEMPLATE_FILES,
    UNKNOWN,
    CodeHost,
    commit,
    head,
    writes,
)


def test_an_absent_branch_or_repository_has_no_head(host: CodeHost, shop: str) -> None:
    assert host.contents.head(shop, "nothing") is None
    assert host.contents.head(f"{ORG}/nothing", "main") is None


def test_a_commit_adds_replaces_and_keeps_files_in_three_writes(host: CodeHost, shop: str) -> None:
    parent = head(host, shop)
    files = [File("src/index.ts", b"changed\r\n"), File("deep/er/new.txt", "é\n".encode())]
    files.append(SILENT_WORKFLOW)
    with writes(host, 3):
        made = host.contents.commit(shop, "main", files, "Set up", parent=parent)
    assert head(host, shop) == made != parent
    assert host.file(shop, "main", "src/index.ts") == b"changed\r\n"
    assert host.file(shop, "main", "deep/er/new.txt") == "é\n".encode()
    assert host.file(shop, "main", "package.json") == TEMPLATE_FILES["package.json"]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\xff", b"text with \0 inside", b""])
def test_any_content_arrives_unchanged(host: CodeHost, shop: str, content: bytes) -> None:
    files = [File("odd", content), File("tool.sh", b"#!/bin/sh\n", mode="100755")]
    with writes(host, 4 if content else 3):
        commit(host, shop, *files)
    assert host.file(shop, "main", "odd") == content


def test_a_branch_that_moved_is_a_conflict_and_stays(host: CodeHost, shop: str) -> None:
    old = head(host, shop)
    new = commit(host, shop, File("a.txt", b"a"))
    with pytest.raises(RemoteConflict):
        host.contents.commit(shop, "main", [File("b.txt", b"b")], "Late", parent=old)
    assert head(host, shop) == new
    assert host.file(shop, "main", "b.txt") is None


def test_a_commit_needs_its_parent(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.contents.commit(shop, "main", [File("b.txt", b"b")], "Lost", parent=UNKNOWN)


def test_a_commit_is_found_by_its_trailer(host: CodeHost, shop: str) -> None:
    made = commit(host, shop, File("a", b"1"), message="Set up\n\nBranchline-App: app_1")
    commit(host, shop, File("a", b"2"), message="More\n\nNot Branchline-App: app_1, nor app_12")
    assert host.contents.find_commit(shop, "main", "Branchline-App: app_1") == made
    assert host.contents.find_commit(shop, "main", "Branchline-App: app_2") is None
    assert host.contents.find_commit(shop, "nothing", "Branchline-App: app_1") is None


def test_a_branch_is_created_once_and_then_stays(host: CodeHost, shop: str) -> None:
    first = head(host, shop)
    with writes(host, 1):
        host.contents.ensure_branch(shop, "feature/blue", first)
    second = commit(host, shop, File("a", b"1"))
    with writes(host, 0):
        host.contents.ensure_branch(shop, "feature/blue", second)
    assert head(host, shop, "feature/blue") == first


def test_a_commit_adds_and_deletes_at_once(host: CodeHost, shop: str) -> None:
    parent = head(host, shop)
    files = [File("src/new.ts", b"new")]
    with writes(host, 3):
        host.contents.commit(shop, "main", files, "Move", parent=parent, deleted=["src/index.ts"])
    assert host.file(shop, "main", "src/new.ts") == b"new"
    assert host.file(shop, "main", "src/index.ts") is None
    assert host.file(shop, "main", "package.json") == TEMPLATE_FILES["package.json"]


def test_a_commit_creates_its_branch_when_that_is_new(host: CodeHost, shop: str) -> None:
    parent = head(host, shop)
    with writes(host, 3):
        made = host.contents.commit(
            shop, "feature/red", [File("a", b"1")], "Start", parent=parent, is_new=True
        )
    assert (head(host, shop, "feature/red"), head(host, shop)) == (made, parent)
    with pytest.raises(RemoteConflict):
        host.contents.commit(shop, "feature/red", [File("a", b"2")], "Start", parent=parent, is_new=True)
    assert head(host, shop, "feature/red") == made


def test_a_branch_needs_its_commit(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteConflict):
        host.contents.ensure_branch(shop, "staging", UNKNOWN)
