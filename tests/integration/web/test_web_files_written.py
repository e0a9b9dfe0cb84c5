"""Files of an app as they are written over HTTP: one by one, with preconditions, each a commit and a fact."""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.domain.events import Tag
from app.domain.git import blob_name
from tests.integration.web.files import (
    FILES,
    ICON,
    RAW,
    README,
    commit,
    facts,
    head,
    main,
    put_raw,
    send,
    with_files,
)
from tests.integration.web.world import AUTHORIZED, World, error_of


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    """Several write at once: each waits for the others' locks as a process does."""
    world = World(migrated_sqlite_url, lock_timeout_seconds=30)
    yield with_files(world)
    world.close()


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
