import pytest

from app.domain.git import EntryKind, blob_name
from app.errors import RemoteMissing
from app.ports import Entry, File
from tests.contract.code_host.hosts import ORG, TEMPLATE_FILES, UNKNOWN, CodeHost, commit, head

SUBMODULE = "f" * 40


def entry(path: str, content: bytes, mode: str = "100644") -> Entry:
    return Entry(path, blob_name(content), mode, len(content))


def test_a_ref_is_a_branch_a_tag_or_a_commit(host: CodeHost, shop: str) -> None:
    first = head(host, shop)
    host.tag(shop, "v1.0", first)
    host.contents.ensure_branch(shop, "feature/blue", first)
    second = commit(host, shop, File("a", b"1"), branch="feature/blue")
    assert host.trees.commit_of(shop, "main") == first
    assert host.trees.commit_of(shop, "feature/blue") == second
    assert host.trees.commit_of(shop, "v1.0") == first
    assert host.trees.commit_of(shop, first) == first


@pytest.mark.parametrize("ref", ["nothing", UNKNOWN, "feature", "heads/main"])
def test_a_ref_that_is_not_there_is_none(host: CodeHost, shop: str, ref: str) -> None:
    host.contents.ensure_branch(shop, "feature/blue", head(host, shop))
    assert host.trees.commit_of(shop, ref) is None


def test_a_ref_of_an_absent_repository_is_an_error(host: CodeHost) -> None:
    with pytest.raises(RemoteMissing):
        host.trees.commit_of(f"{ORG}/nothing", "main")


def test_a_listing_has_everything_but_folders(host: CodeHost, shop: str) -> None:
    commit(host, shop, File("deep/er/tool.sh", b"#!/bin/sh\n", mode="100755"), File("icon", b"\xff\0"))
    host.plant(shop, "link", "120000", "src/index.ts")
    host.plant(shop, "vendor/left", "160000", SUBMODULE)
    listing = host.trees.listing(shop, head(host, shop))
    assert listing.entries == [
        entry("deep/er/tool.sh", b"#!/bin/sh\n", "100755"),
        entry("icon", b"\xff\0"),
        entry("link", b"src/index.ts", "120000"),
        entry("package.json", TEMPLATE_FILES["package.json"]),
        entry("src/index.ts", TEMPLATE_FILES["src/index.ts"]),
        Entry("vendor/left", SUBMODULE, "160000"),
    ]
    assert listing.is_truncated is False
    kinds = {it.path: it.kind for it in listing.entries}
    assert (kinds["icon"], kinds["link"]) == (EntryKind.FILE, EntryKind.LINK)
    assert kinds["vendor/left"] is EntryKind.SUBMODULE


def test_paths_are_found_with_what_is_above_them(host: CodeHost, shop: str) -> None:
    made = commit(host, shop, File("a/b/c.txt", b"c"), File("a/d", b"d"))
    found = host.trees.entries(shop, made, ["a/b/c.txt", "a/x/y", "package.json/z", "nothing"])
    assert {path: it.kind for path, it in found.items()} == {
        "a": EntryKind.FOLDER,
        "a/b": EntryKind.FOLDER,
        "a/b/c.txt": EntryKind.FILE,
        "package.json": EntryKind.FILE,
    }
    assert found["a/b/c.txt"] == entry("a/b/c.txt", b"c")
    assert host.trees.entries(shop, made, ["a"])["a"].kind is EntryKind.FOLDER


def test_paths_in_many_folders_are_found_all_the_same(host: CodeHost, shop: str) -> None:
    files = [File(f"folder{n}/file.txt", b"%d" % n) for n in range(20)]
    made = commit(host, shop, *files)
    found = host.trees.entries(shop, made, [file.path for file in files])
    assert len(found) == 40
    assert found["folder7/file.txt"] == entry("folder7/file.txt", b"7")


def test_the_entries_of_an_absent_commit_are_an_error(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.trees.entries(shop, UNKNOWN, ["a"])
    with pytest.raises(RemoteMissing):
        host.trees.listing(shop, UNKNOWN)
