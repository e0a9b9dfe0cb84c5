"""Files of an app as they are read over HTTP: listed, in both forms of content, and as an archive."""

import base64
import io
import tarfile
import zipfile

import pytest

from app.domain.git import blob_name
from app.ports import File
from tests.integration.web.files import EXPORT, FILES, ICON, RAW, README, head, send, with_files
from tests.integration.web.world import World, error_of


@pytest.fixture
def world(world: World) -> World:
    return with_files(world)


# -------------------- list and read


def test_files_are_listed_with_their_blobs(world: World) -> None:
    body = world.get(FILES)
    assert body["commit"] == head(world)
    assert body["truncated"] is False
    assert body["items"][0] == {
        "path": "README.md",
        "sha": blob_name(README),
        "mode": "100644",
        "type": "file",
        "size": 7,
    }
    assert [item["path"] for item in body["items"]] == ["README.md", "icon.png", "src/index.ts"]


def test_links_and_submodules_are_listed_as_what_they_are(world: World) -> None:
    repository = world.host.repository("acme/app-1")
    odd = [File("link", b"README.md", "120000"), File("sub", b"f" * 40, "160000")]
    made = world.host.add_commit(repository, odd, "Plant", head(world))
    repository.branches["main"] = made.sha
    kinds = {item["path"]: (item["type"], item["size"]) for item in world.get(FILES)["items"]}
    assert (kinds["link"], kinds["sub"]) == (("link", 9), ("submodule", None))


def test_a_huge_listing_is_cut_and_says_so(world: World) -> None:
    world.host.push("acme/app-1", "main", {f"{n:05}.txt": b"" for n in range(10_001)})
    body = world.get(FILES)
    assert (len(body["items"]), body["truncated"]) == (10_000, True)


def test_a_file_is_shown_as_json_or_as_it_is(world: World) -> None:
    text, icon = world.get(f"{FILES}/README.md"), world.get(f"{FILES}/icon.png")
    assert text == {
        "path": "README.md",
        "sha": blob_name(README),
        "size": 7,
        "encoding": "utf-8",
        "content": "# Shop\n",
    }
    assert (icon["encoding"], base64.b64decode(icon["content"])) == ("base64", ICON)
    raw = send(world, "GET", f"{FILES}/icon.png", headers={"Accept": RAW})
    assert (raw.data, raw.mimetype) == (ICON, RAW)
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert raw.headers["Content-Disposition"] == "attachment"


def test_a_file_is_read_at_a_branch_a_tag_and_a_commit(world: World) -> None:
    old = head(world)
    world.host.push("acme/app-1", "feature/x", {"README.md": b"of the branch"})
    world.host.repository("acme/app-1").tags["v1"] = old
    contents = {ref: world.get(f"{FILES}/README.md", ref=ref)["content"] for ref in ("feature/x", "v1", old)}
    assert contents == {"feature/x": "of the branch", "v1": "# Shop\n", old: "# Shop\n"}
    assert world.get(FILES, ref="feature/x")["commit"] == head(world, "feature/x")


def test_the_blob_is_the_etag_and_who_knows_it_gets_nothing(world: World) -> None:
    etag = send(world, "GET", f"{FILES}/README.md").headers["ETag"]
    assert etag == f'"{blob_name(README)}"'
    known = send(world, "GET", f"{FILES}/README.md", headers={"If-None-Match": etag})
    assert (known.status_code, known.data) == (304, b"")


def test_a_large_file_is_passed_on_in_chunks(world: World) -> None:
    large = bytes(range(256)) * 8192
    world.host.push("acme/app-1", "main", {"large.bin": large})
    body = world.get(f"{FILES}/large.bin")
    assert (body["size"], body["content"], body["encoding"]) == (len(large), None, None)
    raw = send(world, "GET", f"{FILES}/large.bin", headers={"Accept": RAW}, buffered=False)
    assert raw.headers["ETag"] == f'"{blob_name(large)}"'
    assert raw.data == large
    raw.close()


@pytest.mark.parametrize(
    ("path", "ref", "status", "code"),
    [
        ("nothing", None, 404, "file:not-found"),
        ("README.md", "nothing", 404, "ref:not-found"),
        ("src", None, 409, "file:not-a-file"),
        ("README.md/x", None, 404, "file:not-found"),
        ("README.md", "main:README.md", 400, "ref:invalid-name"),
        ("README.md", "../../other", 400, "ref:invalid-name"),
        ("README.md", "main\r\nX-Evil: 1", 400, "ref:invalid-name"),
        ("%2e%2e/secret", None, 400, "app:invalid-files"),
        ("a%2f..%2f..%2fsecret", None, 400, "app:invalid-files"),
        ("a%00b", None, 400, "app:invalid-files"),
    ],
)
def test_what_cannot_be_read_is_told(
    world: World, path: str, ref: str | None, status: int, code: str
) -> None:
    answer = send(world, "GET", f"{FILES}/{path}", query_string={"ref": ref} if ref else {})
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


# -------------------- archives


def test_an_archive_is_streamed(world: World) -> None:
    answer = send(world, "GET", EXPORT, buffered=False)
    assert answer.mimetype == "application/gzip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="app-1-{head(world)[:7]}.tar.gz"'
    with tarfile.open(fileobj=io.BytesIO(answer.data), mode="r:gz") as tar:
        assert sorted(tar.getnames()) == [
            "repository/README.md",
            "repository/icon.png",
            "repository/src/index.ts",
        ]
    answer.close()


def test_an_archive_is_of_a_ref_and_a_format(world: World) -> None:
    world.host.push("acme/app-1", "blue", {"blue.txt": b"1"})
    answer = send(world, "GET", EXPORT, query_string={"ref": "blue", "format": "zip"})
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as zipped:
        assert "repository/blue.txt" in zipped.namelist()


def test_a_place_is_given_back_when_a_download_ends(world: World) -> None:
    for _ in range(5):
        answer = send(world, "GET", EXPORT, buffered=False)
        answer.close()
    assert send(world, "GET", EXPORT).status_code == 200
