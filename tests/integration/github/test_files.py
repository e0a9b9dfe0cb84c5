"""Files, trees and downloads as GitHub answers where the sandbox does not: cut, odd, moved or refused."""

import base64
from typing import Any

import pytest
import responses

from app.domain.git import EntryKind
from app.errors import RemoteForbidden, RemoteMissing, RemoteRefused, RemoteUnavailable
from app.github.client import GitHub
from app.github.downloads import GitHubDownloads
from app.github.files import GitHubFiles
from app.github.trees import GitHubTrees
from app.ports import ArchiveFormat, FileContent
from tests.integration.github.recorded import API, BLOB, MADE, PARENT, SHOP, TREE, query

TARBALL = f"{SHOP}/tarball/{PARENT}"
ELSEWHERE = "https://codeload.example/acme/shop/legacy.tar.gz?token=once"


def tree(http: responses.RequestsMock, sha: str, *items: dict[str, Any], is_truncated: bool = False) -> None:
    answer = {"sha": sha, "tree": list(items), "truncated": is_truncated}
    http.get(f"{SHOP}/git/trees/{sha}", json=answer)


def item(path: str, mode: str = "100644", sha: str = BLOB, **more: Any) -> dict[str, Any]:
    return {"path": path, "mode": mode, "type": "blob", "sha": sha, "url": "https://x", **more}


def fetched(github: GitHub) -> bytes:
    with GitHubDownloads(github).archive("acme/shop", PARENT, ArchiveFormat.TAR_GZ) as chunks:
        return b"".join(chunks)


# -------------------- trees


def test_a_cut_listing_says_so(http: responses.RequestsMock, github: GitHub) -> None:
    tree(http, PARENT, item("a.ts", size=3), item("src", "040000"), is_truncated=True)
    listing = GitHubTrees(github).listing("acme/shop", PARENT)
    assert listing.is_truncated
    assert [entry.path for entry in listing.entries] == ["a.ts"]
    assert query(http) == {"recursive": "1"}


def test_names_that_are_no_text_become_text(http: responses.RequestsMock, github: GitHub) -> None:
    tree(http, PARENT, item("caf\udce9"), item("nul\0"))
    listing = GitHubTrees(github).listing("acme/shop", PARENT)
    assert [entry.path for entry in listing.entries] == ["caf?", "nul�"]


def test_many_folders_of_a_cut_tree_are_walked(http: responses.RequestsMock, github: GitHub) -> None:
    paths = [f"f{n}/a.ts" for n in range(9)]
    tree(http, PARENT, is_truncated=True)
    http.get(
        f"{SHOP}/git/trees/{PARENT}",
        json={"tree": [item("f3", "040000", TREE), item("f4", "120000")], "truncated": False},
    )
    tree(http, TREE, item("a.ts", "100755", MADE, size=7))
    found = GitHubTrees(github).entries("acme/shop", PARENT, paths)
    assert found["f3/a.ts"].sha == MADE
    assert {path: entry.kind for path, entry in found.items()} == {
        "f3": EntryKind.FOLDER,
        "f3/a.ts": EntryKind.FILE,
        "f4": EntryKind.LINK,
    }


def test_an_annotated_tag_is_the_commit_behind_it(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(f"{SHOP}/git/ref/heads/v1", status=404, json={"message": "Not Found"})
    http.get(f"{SHOP}/git/ref/tags/v1", json={"object": {"type": "tag", "sha": BLOB}})
    http.get(f"{SHOP}/git/tags/{BLOB}", json={"object": {"type": "commit", "sha": MADE}})
    assert GitHubTrees(github).commit_of("acme/shop", "v1") == MADE


@pytest.mark.parametrize("kind", ["blob", "tree"])
def test_a_tag_of_something_else_is_no_commit(
    http: responses.RequestsMock, github: GitHub, kind: str
) -> None:
    http.get(f"{SHOP}/git/ref/heads/v1", status=404, json={"message": "Not Found"})
    http.get(f"{SHOP}/git/ref/tags/v1", json={"object": {"type": kind, "sha": BLOB}})
    assert GitHubTrees(github).commit_of("acme/shop", "v1") is None


# -------------------- single files


def test_a_large_file_has_no_content_in_one_piece(http: responses.RequestsMock, github: GitHub) -> None:
    answer = {"type": "file", "encoding": "none", "content": "", "sha": BLOB, "size": 5_000_000}
    http.get(f"{SHOP}/contents/big.bin", json=answer)
    read = GitHubFiles(github).read("acme/shop", "big.bin", "main")
    assert read == FileContent("big.bin", BLOB, 5_000_000, None)
    assert http.calls[0].request.headers["Accept"] == "application/vnd.github.object+json"


@pytest.mark.parametrize(
    ("word", "kind"),
    [("dir", EntryKind.FOLDER), ("symlink", EntryKind.LINK), ("submodule", EntryKind.SUBMODULE)],
)
def test_what_is_no_file_is_told_by_its_kind(
    http: responses.RequestsMock, github: GitHub, word: str, kind: EntryKind
) -> None:
    http.get(f"{SHOP}/contents/odd", json={"type": word, "sha": BLOB, "size": 0})
    assert GitHubFiles(github).read("acme/shop", "odd", "main") is kind


def test_content_is_decoded_as_github_wraps_it(http: responses.RequestsMock, github: GitHub) -> None:
    content = bytes(range(256))
    encoded = base64.encodebytes(content).decode()
    answer = {"type": "file", "encoding": "base64", "content": encoded, "sha": BLOB, "size": 256}
    http.get(f"{SHOP}/contents/src/a%20b%23.bin", json=answer)
    read = GitHubFiles(github).read("acme/shop", "src/a b#.bin", "feature/x#y")
    assert isinstance(read, FileContent)
    assert read.content == content
    assert query(http) == {"ref": "feature/x#y"}


def test_an_archived_repository_says_so(http: responses.RequestsMock, github: GitHub) -> None:
    refused = {"message": "Repository was archived so is read-only."}
    http.put(f"{SHOP}/contents/archived.txt", status=403, json=refused)
    with pytest.raises(RemoteForbidden) as caught:
        GitHubFiles(github).write("acme/shop", "main", "archived.txt", b"x", "Add", replaces=None)
    assert caught.value.error_code == "repository:archived"


# -------------------- downloads


def test_our_token_stays_with_github(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(TARBALL, status=302, headers={"Location": ELSEWHERE})
    http.get(ELSEWHERE, body=b"packed")
    assert fetched(github) == b"packed"
    ours, theirs = (call.request.headers for call in http.calls)
    assert ours["Authorization"] == "Bearer ghp_token_of_the_test"
    assert "Authorization" not in theirs


def test_a_moved_repository_is_asked_again_with_the_token(
    http: responses.RequestsMock, github: GitHub
) -> None:
    moved = f"{API}/repositories/7/tarball/{PARENT}"
    http.get(TARBALL, status=301, headers={"Location": moved})
    http.get(moved, status=302, headers={"Location": ELSEWHERE})
    http.get(ELSEWHERE, body=b"packed")
    assert fetched(github) == b"packed"
    assert http.calls[1].request.headers["Authorization"] == "Bearer ghp_token_of_the_test"


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest", "ftp://example.com/x", "http://[::1]/"]
)
def test_a_redirect_without_tls_is_not_followed(
    http: responses.RequestsMock, github: GitHub, location: str
) -> None:
    http.get(TARBALL, status=302, headers={"Location": location})
    with pytest.raises(RemoteRefused, match="redirected without TLS"):
        fetched(github)
    assert len(http.calls) == 1


def test_redirects_end(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(TARBALL, status=302, headers={"Location": ELSEWHERE})
    http.get(ELSEWHERE, status=302, headers={"Location": ELSEWHERE})
    with pytest.raises(RemoteRefused):
        fetched(github)
    assert len(http.calls) == 3


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, '{"message": "Not Found"}', RemoteMissing),
        (404, "404: Not Found", RemoteMissing),
        (403, '{"message": "Resource not accessible"}', RemoteForbidden),
        (500, "<html>", RemoteUnavailable),
        (503, "", RemoteUnavailable),
    ],
)
def test_a_refused_download_says_why(
    http: responses.RequestsMock, github: GitHub, status: int, body: str, error: type[Exception]
) -> None:
    http.get(TARBALL, status=status, body=body)
    with pytest.raises(error, match=f"downloading {PARENT[:7]} of acme/shop"):
        fetched(github)


def test_a_download_that_breaks_off_is_said_to_be_unavailable(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.get(TARBALL, body=b"short", headers={"Content-Length": "1000"}, auto_calculate_content_length=False)
    with pytest.raises(RemoteUnavailable):
        fetched(github)


def test_a_rate_limit_is_one_for_downloads_too(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(TARBALL, status=429, headers={"Retry-After": "7"}, json={"message": "slow down"})
    for message in ("slow down", "rate limit"):
        with pytest.raises(RemoteUnavailable, match=message):
            fetched(github)
    assert len(http.calls) == 1
