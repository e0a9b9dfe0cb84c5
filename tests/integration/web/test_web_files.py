"""Files of an app over HTTP: both forms of content, preconditions, one commit for many, archives."""

import base64
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from app.domain.apps import AppStatus
from app.domain.events import Event, Tag
from app.domain.git import blob_name
from app.domain.jobs import JobType
from app.errors import RateLimited, RemoteForbidden, RemoteUnavailable
from app.ports import File
from app.web.outside import Gate
from tests.fakes.code_host_files import code_host
from tests.integration.web.described import assert_described
from tests.integration.web.world import AUTHORIZED, World, error_of

FILES: Final = "/api/apps/app-1/files"
COMMITS: Final = "/api/apps/app-1/commits"
EXPORT: Final = "/api/apps/app-1/export"
README: Final = b"# Shop\n"
ICON: Final = b"\x89PNG\r\n\x1a\n\0\xff"
RAW: Final = "application/octet-stream"


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url, lock_timeout_seconds=30)
    world.app(1)
    files = {"README.md": README, "icon.png": ICON, "src/index.ts": b"export {};\n"}
    world.host.add_repository("acme/app-1", files)
    yield world
    world.close()


def main(world: World) -> dict[str, bytes]:
    return world.host.repository("acme/app-1").files("main")


def head(world: World, branch: str = "main") -> str:
    return world.host.repository("acme/app-1").branches[branch]


def facts(world: World) -> list[Event]:
    with world.records.read() as tx:
        return list(tx.events.about("app_0001"))


def send(world: World, method: str, path: str, **given: Any) -> TestResponse:
    """Ask with more headers beside the token."""
    headers = {**AUTHORIZED, **given.pop("headers", {})}
    return world.call(method, path, headers=headers, **given)


def put_raw(world: World, path: str, content: bytes, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(world, "PUT", f"{FILES}/{path}", data=content, headers={"Content-Type": RAW, **named})


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


# -------------------- write and delete


def test_a_file_is_written_as_it_is(world: World) -> None:
    answer = put_raw(world, "img/new icon%23.png", ICON)
    body = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["ETag"] == f'"{blob_name(ICON)}"'
    assert body == {
        "path": "img/new icon#.png",
        "sha": blob_name(ICON),
        "branch": "main",
        "commit": head(world),
        "htmlUrl": f"https://github.example/acme/app-1/commit/{head(world)}",
        "changed": True,
    }
    assert main(world)["img/new icon#.png"] == ICON


@pytest.mark.parametrize(
    "form", [{"content": "new"}, {"content": "bmV3", "encoding": "base64"}], ids=["utf-8", "base64"]
)
def test_a_file_is_written_as_json(world: World, form: dict[str, str]) -> None:
    answer = world.call("PUT", f"{FILES}/README.md", json={**form, "message": "Say more"})
    assert answer.status_code == 200
    assert main(world)["README.md"] == b"new"
    assert world.host.repository("acme/app-1").commits[head(world)].message == "Say more"


def test_branch_and_message_may_stand_in_the_query(world: World) -> None:
    world.host.push("acme/app-1", "blue", {"a": b"1"})
    answer = send(
        world,
        "PUT",
        f"{FILES}/b.json",
        data=b"{}",
        headers={"Content-Type": RAW},
        query_string={"branch": "blue", "message": "Add b"},
    )
    assert answer.get_json()["branch"] == "blue"
    assert world.host.repository("acme/app-1").commits[head(world, "blue")].message == "Add b"
    assert "b.json" not in main(world)


def test_an_empty_file_is_a_file(world: World) -> None:
    assert put_raw(world, "empty", b"").status_code == 201
    assert main(world)["empty"] == b""


def test_a_file_is_deleted(world: World) -> None:
    answer = world.call("DELETE", f"{FILES}/icon.png", query_string={"message": "No icon"})
    assert answer.status_code == 200
    assert answer.get_json()["sha"] is None
    assert "ETag" not in answer.headers
    assert "icon.png" not in main(world)
    again = world.call("DELETE", f"{FILES}/icon.png")
    assert (again.status_code, error_of(again)["code"]) == (404, "file:not-found")


def test_each_write_is_a_fact_with_its_actor(world: World) -> None:
    put_raw(world, "a.txt", b"1")
    put_raw(world, "a.txt", b"1")
    world.call("DELETE", f"{FILES}/a.txt")
    deleted, written = facts(world)
    assert {(it.tag, it.actor, it.subject) for it in (deleted, written)} == {
        (Tag.FILES_COMMITTED, "operator", "app_0001")
    }
    assert deleted.payload == {"branch": "main", "commit": head(world), "files": 1, "paths": ["a.txt"]}


def test_a_write_may_say_who_wants_it(world: World) -> None:
    world.call("PUT", f"{FILES}/a.txt", json={"content": "1"}, query_string={"by": "Ada"})
    world.call("DELETE", f"{FILES}/a.txt", query_string={"by": "Grace"})
    commit(world, by=" Joan ")
    assert [it.actor for it in facts(world)] == ["Joan", "Grace", "Ada"]
    for by in ("github", "job_1", "", "x" * 81, "a\nb"):
        assert commit(world, by=by).status_code == 400
        assert world.call("DELETE", f"{FILES}/b", query_string={"by": by}).status_code == 400


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"data": b"x"}, 400, "request:invalid"),
        ({"data": b"x", "headers": {"Content-Type": "text/plain"}}, 400, "request:invalid"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "request:invalid"),
        ({"json": []}, 400, "request:invalid"),
        ({"json": {}}, 400, "request:invalid"),
        ({"json": {"content": 1}}, 400, "request:invalid"),
        ({"json": {"content": "a", "colour": "blue"}}, 400, "request:invalid"),
        ({"json": {"content": "a", "encoding": "rot13"}}, 400, "request:invalid"),
        ({"json": {"content": "YQ=", "encoding": "base64"}}, 400, "app:invalid-files"),
        ({"json": {"content": "a", "message": "x" * 10_001}}, 400, "request:invalid"),
        ({"json": {"content": "a"}, "query_string": {"message": "x" * 501}}, 400, "request:invalid"),
        ({"json": {"content": "a", "message": " "}}, 400, "commit:invalid-message"),
        ({"json": {"content": "a", "branch": "a..b"}}, 400, "ref:invalid-name"),
        ({"json": {"content": "a", "branch": "nothing"}}, 404, "branch:not-found"),
        ({"json": {"content": "x" * (1024 * 1024 + 1)}}, 400, "app:invalid-files"),
    ],
)
def test_a_content_of_the_wrong_form_is_refused(
    world: World, given: dict[str, Any], status: int, code: str
) -> None:
    answer = send(world, "PUT", f"{FILES}/a.txt", **given)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert world.host.writes.total() == 0


@pytest.mark.parametrize("length", [True, False], ids=["said", "unsaid"])
def test_a_body_of_a_hundred_megabytes_is_refused_early(world: World, *, length: bool) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readinto(self, into: Any) -> int:
            self.taken += len(into)
            into[:] = bytes(len(into))
            return len(into)

        def readable(self) -> bool:
            return True

    stream = Endless()
    environ: dict[str, Any] = {"wsgi.input": stream, "wsgi.input_terminated": True}
    if length:
        environ["CONTENT_LENGTH"] = "100000000"
    answer = world.client.put(
        f"{FILES}/big.bin", headers={**AUTHORIZED, "Content-Type": RAW}, environ_overrides=environ
    )
    assert (answer.status_code, error_of(answer)["code"]) == (413, "request:too-large")
    assert stream.taken <= 2 * 1024 * 1024


@pytest.mark.parametrize(
    "path",
    [
        *(".github/workflows/deploy.yml", ".github/branchline/deploy.mjs", ".GITHUB/workflows/x.yml"),
        *(".git/config", "%2e%2e/x", "a/%2e%2e/%2e%2e/x", "a%5Cb", "C:/x", "a%00", "x" * 256),
    ],
)
def test_a_path_that_is_not_the_apps_is_refused(world: World, path: str) -> None:
    for answer in (put_raw(world, path, b"x"), world.call("DELETE", f"{FILES}/{path}")):
        assert (answer.status_code, error_of(answer)["code"]) == (400, "app:invalid-files")
    assert world.host.faults.calls == []


def test_a_file_goes_neither_where_a_folder_is_nor_below_a_file(world: World) -> None:
    codes = [error_of(put_raw(world, path, b"x"))["code"] for path in ("src", "README.md/x")]
    assert codes == ["file:not-a-file", "file:not-a-folder"]
    assert world.host.writes.total() == 0


# -------------------- preconditions


def test_a_write_with_the_right_etag_wins_and_the_next_one_loses(world: World) -> None:
    etag = f'"{blob_name(README)}"'
    assert put_raw(world, "README.md", b"first", If_Match=etag).status_code == 200
    late = put_raw(world, "README.md", b"second", If_Match=etag)
    assert (late.status_code, error_of(late)["code"]) == (412, "request:precondition-failed")
    assert error_of(late)["details"]["blob"] == blob_name(b"first")
    assert main(world)["README.md"] == b"first"


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"If_Match": "*"}, "README.md", 200),
        ({"If_Match": "*"}, "new", 412),
        ({"If_Match": f'"{"0" * 40}", "{blob_name(README)}"'}, "README.md", 200),
        ({"If_Match": f'W/"{blob_name(README)}"'}, "README.md", 412),
        ({"If_Match": blob_name(README)}, "README.md", 200),
        ({"If_Match": ""}, "README.md", 412),
        ({"If_Match": '"'}, "README.md", 412),
        ({"If_Match": f'"{"0" * 40}"'}, "new", 412),
        ({"If_None_Match": "*"}, "new", 201),
        ({"If_None_Match": "*"}, "README.md", 412),
        ({"If_None_Match": f'"{blob_name(README)}"'}, "README.md", 412),
        ({"If_None_Match": f'"{"0" * 40}"'}, "README.md", 200),
        ({}, "README.md", 200),
    ],
)
def test_preconditions_are_those_of_http(
    world: World, headers: dict[str, str], path: str, status: int
) -> None:
    assert put_raw(world, path, b"new", **headers).status_code == status
    assert world.host.writes.total() == (0 if status == 412 else 1)


def test_a_delete_heeds_its_precondition(world: World) -> None:
    old = {"If-Match": f'"{"0" * 40}"'}
    assert send(world, "DELETE", f"{FILES}/README.md", headers=old).status_code == 412
    assert send(world, "DELETE", f"{FILES}/nothing", headers=old).status_code == 412
    right = {"If-Match": f'"{blob_name(README)}"'}
    assert send(world, "DELETE", f"{FILES}/README.md", headers=right).status_code == 200


def test_a_repeated_write_is_answered_as_the_first_one(world: World) -> None:
    etag = f'"{blob_name(README)}"'
    first = put_raw(world, "README.md", b"new", If_Match=etag)
    again = put_raw(world, "README.md", b"new", If_Match=etag)
    assert (again.status_code, again.headers["ETag"]) == (200, first.headers["ETag"])
    assert again.get_json() == {**first.get_json(), "changed": False}
    assert world.host.writes.total() == 1


def test_of_many_writers_with_one_etag_one_wins(world: World) -> None:
    etag = f'"{blob_name(README)}"'
    together = threading.Barrier(3)

    def write(n: int) -> int:
        together.wait(60)
        return put_raw(world, "README.md", b"%d" % n, If_Match=etag).status_code

    with ThreadPoolExecutor(3) as pool:
        statuses = sorted(pool.map(write, range(3)))
    assert statuses == [200, 412, 412]


# -------------------- many files


def commit(world: World, **body: Any) -> TestResponse:
    given = {"message": "Change it", "files": [{"path": "a.txt", "content": "a"}], **body}
    return world.call("POST", COMMITS, json=given)


def test_many_files_are_one_commit(world: World) -> None:
    before = head(world)
    answer = commit(
        world,
        files=[
            {"path": "a.txt", "content": "a"},
            {"path": "b.bin", "content": base64.b64encode(ICON).decode(), "encoding": "base64"},
            {"path": "icon.png", "delete": True},
        ],
        parent=before,
    )
    body = answer.get_json()
    assert answer.status_code == 201
    assert body == {
        "branch": "main",
        "branchUrl": "https://github.example/acme/app-1/tree/main",
        "commit": head(world),
        "htmlUrl": f"https://github.example/acme/app-1/commit/{head(world)}",
        "changed": True,
        "pullRequest": None,
    }
    assert set(main(world)) == {"README.md", "a.txt", "b.bin", "src/index.ts"}
    assert world.host.repository("acme/app-1").commits[head(world)].parent == before
    (fact,) = facts(world)
    assert (fact.tag, fact.actor) == (Tag.FILES_COMMITTED, "operator")
    assert fact.payload["paths"] == ["a.txt", "b.bin", "icon.png"]


def test_nothing_to_change_is_said(world: World) -> None:
    before = head(world)
    answer = commit(world, files=[{"path": "README.md", "content": README.decode()}])
    assert answer.status_code == 200
    assert (answer.get_json()["commit"], answer.get_json()["changed"]) == (before, False)
    assert facts(world) == []


def test_a_new_branch_and_its_pull_request_in_one_call(world: World) -> None:
    asked = {"branch": "blue", "createBranch": True, "pullRequest": {"title": "Blue", "body": "Look"}}
    answer = commit(world, **asked)
    (pull,) = world.host.repository("acme/app-1").pulls
    url = f"https://github.test/acme/app-1/pull/{pull.number}"
    assert answer.status_code == 201
    assert answer.get_json()["pullRequest"] == {"number": pull.number, "htmlUrl": url}
    assert answer.get_json()["branchUrl"] == "https://github.example/acme/app-1/tree/blue"
    again = commit(world, **asked)
    assert (again.status_code, again.get_json()) == (200, {**answer.get_json(), "changed": False})


def test_a_branch_that_moved_meanwhile_is_a_conflict_with_where_it_is(world: World) -> None:
    before = head(world)
    now = world.host.push("acme/app-1", "main", {"theirs.txt": b"1"})
    answer = commit(world, parent=before)
    assert answer.status_code == 409
    assert error_of(answer)["code"] == "branch:moved"
    assert error_of(answer)["details"]["head"] == now


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"files": []}, 400, "commit:empty"),
        ({"files": None}, 400, "request:invalid"),
        ({"files": [{"path": "a"}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a", "delete": True}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a", "delete": "yes"}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a", "mode": "100755"}]}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a"}] * 501}, 400, "request:invalid"),
        ({"files": [{"path": "a", "content": "a"}] * 2}, 400, "app:invalid-files"),
        ({"files": [{"path": ".github/workflows/x.yml", "content": ""}]}, 400, "app:invalid-files"),
        ({"files": [{"path": "nothing", "delete": True}]}, 404, "file:not-found"),
        ({"files": [{"path": "src", "content": ""}]}, 409, "file:not-a-file"),
        ({"message": None}, 400, "request:invalid"),
        ({"message": ""}, 400, "commit:invalid-message"),
        ({"parent": "main"}, 400, "request:invalid"),
        ({"parent": "A" * 40}, 400, "request:invalid"),
        ({"branch": "a b"}, 400, "ref:invalid-name"),
        ({"branch": "nothing"}, 404, "branch:not-found"),
        ({"branch": "blue", "createBranch": "true"}, 400, "request:invalid"),
        ({"createBranch": True}, 400, "branch:is-default"),
        ({"pullRequest": {"title": "Blue"}}, 400, "branch:is-default"),
        ({"branch": "blue", "createBranch": True, "pullRequest": {}}, 400, "request:invalid"),
        (
            {"branch": "blue", "createBranch": True, "pullRequest": {"title": " "}},
            400,
            "commit:invalid-message",
        ),
    ],
)
def test_a_commit_of_the_wrong_form_is_refused(
    world: World, body: dict[str, Any], status: int, code: str
) -> None:
    answer = commit(world, **body)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert world.host.writes.total() == 0


def test_what_takes_long_becomes_a_job(world: World) -> None:
    icons = [
        {"path": f"{n}.png", "content": base64.b64encode(ICON).decode(), "encoding": "base64"}
        for n in range(5)
    ]
    answer = commit(world, files=icons)
    body = answer.get_json()
    assert answer.status_code == 202
    assert body["pollUrl"] == f"https://branchline.test/api/jobs/{body['jobId']}"
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
    assert (job.type, job.app_id, job.arguments["actor"]) == (JobType.COMMIT, "app_0001", "operator")
    assert world.host.writes.total() == 0


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


# -------------------- new commits of where it came from


def test_a_sync_is_a_job(world: World) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    answer = world.call("POST", "/api/apps/app-1/sync")
    assert answer.status_code == 202
    with world.records.read() as tx:
        job = tx.jobs.get(answer.get_json()["jobId"])
    assert (job.type, job.app_id, job.arguments) == (JobType.SYNC, "app_0001", {"actor": "operator"})
    assert_described(document, "POST", "/api/apps/{app}/sync", answer)
    assert world.host.faults.calls == []


@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.DETACHED, AppStatus.DELETING])
def test_an_app_in_motion_is_not_synced(migrated_sqlite_url: str, status: AppStatus) -> None:
    world = World(migrated_sqlite_url)
    world.app(1, status=status)
    answer = world.call("POST", "/api/apps/app-1/sync")
    assert (answer.status_code, error_of(answer)["code"]) == (409, f"app:{status}")
    world.close()


# -------------------- what may go wrong


CALLS: Final[list[tuple[str, Callable[[World], TestResponse]]]] = [
    ("list", lambda world: send(world, "GET", FILES)),
    ("read", lambda world: send(world, "GET", f"{FILES}/README.md")),
    ("write", lambda world: put_raw(world, "README.md", b"new")),
    ("delete", lambda world: world.call("DELETE", f"{FILES}/README.md")),
    ("commit", commit),
    ("export", lambda world: send(world, "GET", EXPORT)),
]
every_call = pytest.mark.parametrize("call", [it[1] for it in CALLS], ids=[it[0] for it in CALLS])


@every_call
@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.DETACHED, AppStatus.DELETING])
def test_an_app_in_motion_is_not_reached(
    migrated_sqlite_url: str, call: Callable[[World], TestResponse], status: AppStatus
) -> None:
    world = World(migrated_sqlite_url)
    world.app(1, status=status)
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (409, f"app:{status}")
    world.close()


@every_call
def test_an_app_that_is_not_there_is_not_found(
    migrated_sqlite_url: str, call: Callable[[World], TestResponse]
) -> None:
    world = World(migrated_sqlite_url)
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "app:not-found")
    world.close()


@every_call
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RemoteUnavailable("away"), 503, "remote:unavailable"),
        (RemoteForbidden("no", code="repository:archived"), 502, "repository:archived"),
    ],
)
def test_trouble_of_the_code_host_reaches_the_caller(
    world: World,
    call: Callable[[World], TestResponse],
    error: RemoteUnavailable | RemoteForbidden,
    status: int,
    code: str,
) -> None:
    world.host.fail_next(error)
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


@every_call
def test_a_rate_limit_says_when_to_come_again(world: World, call: Callable[[World], TestResponse]) -> None:
    world.host.fail_next(RateLimited("slow down", retry_at=datetime.now(UTC) + timedelta(seconds=30)))
    answer = call(world)
    assert answer.status_code == 503
    assert 25 <= int(answer.headers["Retry-After"]) <= 30


@every_call
def test_when_all_places_are_taken_nobody_waits(
    migrated_sqlite_url: str, call: Callable[[World], TestResponse]
) -> None:
    calls, downloads = Gate(1), Gate(1)
    world = World(migrated_sqlite_url, calls=calls, downloads=downloads)
    world.app(1)
    world.host.add_repository("acme/app-1", {"README.md": README})
    with ExitStack() as taken:
        taken.enter_context(calls.entered("testing"))
        taken.enter_context(downloads.entered("testing"))
        answer = call(world)
        assert (answer.status_code, error_of(answer)["code"]) == (503, "request:overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert world.host.faults.calls == []
    assert call(world).status_code < 300
    world.close()


@every_call
def test_a_token_is_needed_before_anything_is_looked_at(
    world: World, call: Callable[[World], TestResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AUTHORIZED, "Authorization", "Bearer wrong")
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "request:unauthenticated")
    assert world.host.faults.calls == []


def test_the_code_host_is_made_when_it_is_needed(migrated_sqlite_url: str) -> None:
    made = list[str]()
    world: World

    def make() -> Any:
        made.append("code host")
        return code_host(world.host)

    world = World(migrated_sqlite_url, code_host=make)
    world.app(1)
    world.host.add_repository("acme/app-1", {"README.md": README})
    assert (world.get("/api/apps/app-1")["name"], made) == ("app-1", [])
    assert (world.get(FILES)["truncated"], made) == (False, ["code host"])
    world.close()


# -------------------- what is described

IF_OLD: Final = {"If-Match": f'"{"0" * 40}"'}
ONE: Final = "/api/apps/{app}/files/{path}"
DESCRIBED: Final = [
    ("GET", "/api/apps/{app}/files", "", 200, {}),
    ("GET", "/api/apps/{app}/files", "", 404, {"query_string": {"ref": "nothing"}}),
    ("GET", ONE, "README.md", 200, {}),
    ("GET", ONE, "README.md", 200, {"headers": {"Accept": RAW}}),
    ("GET", ONE, "README.md", 304, {"headers": {"If-None-Match": f'"{blob_name(README)}"'}}),
    ("GET", ONE, "nothing", 404, {}),
    ("GET", ONE, "src", 409, {}),
    ("PUT", ONE, "new.txt", 201, {"json": {"content": "new"}}),
    ("PUT", ONE, "README.md", 200, {"json": {"content": "new"}}),
    ("PUT", ONE, ".git/config", 400, {"json": {"content": "new"}}),
    ("PUT", ONE, "README.md", 400, {"json": {"colour": "blue"}}),
    ("PUT", ONE, "x", 412, {"json": {"content": ""}, "headers": IF_OLD}),
    ("PUT", ONE, "x", 413, {"data": b"x" * 2_000_000, "headers": {"Content-Type": RAW}}),
    ("DELETE", ONE, "README.md", 200, {}),
    ("DELETE", ONE, "nothing", 404, {}),
    ("DELETE", ONE, "README.md", 412, {"headers": IF_OLD}),
    ("POST", "/api/apps/{app}/commits", "", 400, {"json": {"message": "", "files": []}}),
    ("GET", "/api/apps/{app}/export", "", 400, {"query_string": {"format": "rar"}}),
    ("GET", "/api/apps/{app}/export", "", 404, {"query_string": {"ref": "nothing"}}),
]


@pytest.mark.parametrize(
    ("method", "path", "at", "status", "given"),
    DESCRIBED,
    ids=[f"{it[0]} {it[1]} {it[3]}" for it in DESCRIBED],
)
def test_what_is_answered_is_what_is_described(  # noqa: PLR0917
    world: World, method: str, path: str, at: str, status: int, given: dict[str, Any]
) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    answer = send(world, method, path.format(app="app-1", path=at), **given)
    assert answer.status_code == status
    described = document["paths"][path][method.lower()]["responses"][str(status)]
    if answer.mimetype == RAW:
        assert described["content"][RAW]["schema"]["format"] == "binary"
    elif status != 304:
        assert_described(document, method, path, answer)


@pytest.mark.parametrize("status", [200, 201, 202, 404, 409])
def test_commits_are_answered_as_described(world: World, status: int) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    icon = {"content": base64.b64encode(ICON).decode(), "encoding": "base64"}
    bodies: dict[int, dict[str, Any]] = {
        200: {"files": [{"path": "README.md", "content": README.decode()}]},
        201: {"branch": "blue", "createBranch": True, "pullRequest": {"title": "Blue"}},
        202: {"files": [{"path": f"{n}.png", **icon} for n in range(5)]},
        404: {"branch": "nothing"},
        409: {"parent": "0" * 40},
    }
    answer = commit(world, **bodies[status])
    assert answer.status_code == status
    assert_described(document, "POST", "/api/apps/{app}/commits", answer)
