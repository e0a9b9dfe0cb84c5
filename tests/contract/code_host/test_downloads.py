import io
import tarfile
import zipfile

import pytest

from app.errors import RemoteMissing
from app.ports import ArchiveFormat, File
from tests.contract.code_host.hosts import ORG, TEMPLATE, UNKNOWN, CodeHost, commit, head, new_name


def archive(host: CodeHost, name: str, sha: str, packed: ArchiveFormat) -> dict[str, bytes]:
    """Return the files of an archive, without the folder that they are all below."""
    with host.downloads.archive(name, sha, packed) as chunks:
        content = io.BytesIO(b"".join(chunks))
    if packed is ArchiveFormat.ZIP:
        with zipfile.ZipFile(content) as zipped:
            found = {it: zipped.read(it) for it in zipped.namelist() if not it.endswith("/")}
    else:
        with tarfile.open(fileobj=content, mode="r:gz") as tar:
            files = [it for it in tar.getmembers() if it.isfile()]
            found = {it.name: opened.read() for it in files if (opened := tar.extractfile(it))}
    assert len({name.partition("/")[0] for name in found}) == 1
    return {name.partition("/")[2]: content for name, content in found.items()}


@pytest.mark.parametrize("packed", list(ArchiveFormat))
def test_an_archive_holds_the_files_of_a_commit(host: CodeHost, shop: str, packed: ArchiveFormat) -> None:
    old = head(host, shop)
    new = commit(host, shop, File("deep/new.bin", bytes(range(256)) * 1000), File("empty", b""))
    assert archive(host, shop, new, packed)["deep/new.bin"] == bytes(range(256)) * 1000
    assert set(archive(host, shop, new, packed)) - set(archive(host, shop, old, packed)) == {
        "deep/new.bin",
        "empty",
    }


def test_an_archive_of_a_private_repository_needs_no_token_of_its_own(host: CodeHost) -> None:
    made = host.repositories.generate(TEMPLATE, ORG, new_name("private"), is_private=True)
    found = archive(host, made.full_name, head(host, made.full_name), ArchiveFormat.TAR_GZ)
    assert "package.json" in found


def test_a_file_of_a_commit_comes_in_chunks(host: CodeHost, shop: str) -> None:
    content = bytes(range(256)) * 8192
    made = commit(host, shop, File("big é#.bin", content))
    with host.downloads.file(shop, "big é#.bin", made) as chunks:
        parts = list(chunks)
    assert b"".join(parts) == content
    assert len(parts) > 1


def test_a_download_may_be_left_early(host: CodeHost, shop: str) -> None:
    made = commit(host, shop, File("big.bin", bytes(4_000_000)))
    with host.downloads.file(shop, "big.bin", made) as chunks:
        assert next(chunks)


def test_what_is_not_there_is_missing(host: CodeHost, shop: str) -> None:
    for name, sha in ((shop, UNKNOWN), (f"{ORG}/nothing", head(host, shop))):
        with (
            pytest.raises(RemoteMissing),
            host.downloads.archive(name, sha, ArchiveFormat.ZIP),
        ):
            raise AssertionError("it was opened")
