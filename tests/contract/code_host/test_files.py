from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from app.domain.git import EntryKind, blob_name
from app.errors import RemoteConflict, RemoteMissing
from app.ports import File, FileContent
from tests.contract.code_host.hosts import (
    ORG,
    TEMPLATE_FILES,
    UNKNOWN,
    CodeHost,
    commit,
    head,
    writes,
)

OLD = TEMPLATE_FILES["package.json"]
ANYTHING = [b"text\r\n", "é".encode(), b"\x89PNG\xff\0", b"", b"x" * 300_000]


@pytest.mark.parametrize("content", ANYTHING, ids=range(len(ANYTHING)))
def test_a_file_is_created_in_one_write_and_read_as_it_was(host: CodeHost, shop: str, content: bytes) -> None:
    with writes(host, 1):
        made = host.files.write(shop, "main", "deep/er/new é#%.txt", content, "Add it", replaces=None)
    assert head(host, shop) == made
    read = host.files.read(shop, "deep/er/new é#%.txt", "main")
    assert read == FileContent("deep/er/new é#%.txt", blob_name(content), len(content), content)


def test_a_file_is_replaced_by_whoever_knows_its_blob(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteConflict):
        host.files.write(shop, "main", "package.json", b"new", "Late", replaces=blob_name(b"other"))
    with pytest.raises(RemoteConflict):
        host.files.write(shop, "main", "package.json", b"new", "Blind", replaces=None)
    host.files.write(shop, "main", "package.json", b"new", "Change", replaces=blob_name(OLD))
    assert host.file(shop, "main", "package.json") == b"new"
    assert host.file(shop, "main", "src/index.ts") == TEMPLATE_FILES["src/index.ts"]


def test_an_executable_stays_one(host: CodeHost, shop: str) -> None:
    commit(host, shop, File("run.sh", b"old", mode="100755"))
    made = host.files.write(shop, "main", "run.sh", b"new", "Change", replaces=blob_name(b"old"))
    assert host.trees.entries(shop, made, ["run.sh"])["run.sh"].mode == "100755"


def test_a_write_is_to_its_branch_alone(host: CodeHost, shop: str) -> None:
    host.contents.ensure_branch(shop, "feature/blue", head(host, shop))
    host.files.write(shop, "feature/blue", "a", b"1", "Add", replaces=None)
    assert host.files.read(shop, "a", "feature/blue") is not None
    assert host.files.read(shop, "a", "main") is None
    with pytest.raises(RemoteMissing):
        host.files.write(shop, "nothing", "a", b"1", "Add", replaces=None)


def test_a_file_is_deleted_by_whoever_knows_its_blob(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteConflict):
        host.files.delete(shop, "main", "package.json", "Late", blob=blob_name(b"other"))
    with writes(host, 1):
        made = host.files.delete(shop, "main", "package.json", "Remove", blob=blob_name(OLD))
    assert head(host, shop) == made
    assert host.files.read(shop, "package.json", "main") is None
    with pytest.raises(RemoteMissing):
        host.files.delete(shop, "main", "package.json", "Again", blob=blob_name(OLD))


def test_what_is_no_file_is_told(host: CodeHost, shop: str) -> None:
    assert host.files.read(shop, "src", "main") is EntryKind.FOLDER
    for path, ref in (("nothing", "main"), ("package.json", "nothing"), ("package.json", UNKNOWN)):
        assert host.files.read(shop, path, ref) is None
    assert host.files.read(f"{ORG}/nothing", "a", "main") is None


def test_a_file_is_read_at_a_tag_and_at_a_commit(host: CodeHost, shop: str) -> None:
    old = head(host, shop)
    host.tag(shop, "v1", old)
    host.files.write(shop, "main", "package.json", b"new", "Change", replaces=blob_name(OLD))
    for ref in (old, "v1"):
        read = host.files.read(shop, "package.json", ref)
        assert isinstance(read, FileContent)
        assert read.content == OLD


def test_of_two_writers_who_know_the_same_blob_one_wins(host: CodeHost, shop: str) -> None:
    def write(content: bytes) -> str | None:
        with suppress(RemoteConflict):
            return host.files.write(shop, "main", "package.json", content, "Race", replaces=blob_name(OLD))
        return None

    with ThreadPoolExecutor(4) as pool:
        contents = [b"%d" % n for n in range(4)]
        made = list(pool.map(write, contents))
    winners = [content for content, sha in zip(contents, made, strict=True) if sha]
    assert len(winners) == 1
    assert host.file(shop, "main", "package.json") == winners[0]
