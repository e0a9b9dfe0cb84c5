"""Static files: announced, sent as far as they are new, kept; nothing remembered of what went wrong."""

import base64
from collections.abc import Mapping, Sequence

import jwt
import pytest

from app.cloudflare.gateway.manifest import MAXIMUM_FILE_BYTES
from app.domain.bundles import KnownAsset
from app.domain.environments import Environment
from app.errors import RemoteUnavailable
from tests.fakes.releases import FakeAssets
from tests.integration.gateway.world import METADATA, World, form, name_of, refusal, refused_with, result

PAGE, STYLE = b"<h1>hello</h1>", b"a { color: blue }"
FILES = {"/index.html": PAGE, "/copy.html": PAGE, "/app.css": STYLE}
HTML = "text/html; charset=utf-8"


def remembered(world: World, scope: str = "app_0001/production") -> set[str]:
    with world.records.read() as tx:
        return set(tx.assets.known(scope, [name_of(content) for content in (PAGE, STYLE, b"")]))


def test_new_files_are_asked_for_and_kept(world: World) -> None:
    opened = result(world.announce(FILES))
    assert sorted(opened["buckets"][0]) == sorted({name_of(PAGE), name_of(STYLE)})
    answer = world.send(opened["jwt"], [(name_of(PAGE), PAGE, HTML)])
    assert (answer.status_code, result(answer)) == (202, {})
    answer = world.send(opened["jwt"], [(name_of(STYLE), STYLE, "text/css")])
    assert (answer.status_code, set(result(answer))) == (201, {"jwt"})
    assert {PAGE, STYLE} <= set(world.bundles.blobs.values())


def test_what_was_uploaded_once_is_not_asked_for_again(world: World) -> None:
    world.upload(FILES)
    opened = result(world.announce(FILES))
    assert opened["buckets"] == []
    answer = world.put({**METADATA, "assets": {"jwt": opened["jwt"], "config": {}}})
    assert answer.status_code == 200
    assert {asset.path for asset in world.bundle().assets} == set(FILES)


def test_what_one_environment_was_told_is_not_believed_elsewhere(world: World) -> None:
    world.upload(FILES)
    world.deployment = world.deploying(2, environment=Environment.PREVIEW, script="preview-slug0001")
    assert len(result(world.announce(FILES))["buckets"][0]) == 2


def test_files_that_the_store_has_lost_are_asked_for_again(world: World) -> None:
    world.upload(FILES)
    world.bundles.blobs.clear()
    token = world.upload(FILES)
    assert world.put({**METADATA, "assets": {"jwt": token}}).status_code == 200


def test_the_closing_token_is_no_ones_but_ours(world: World) -> None:
    token = world.upload(FILES)
    other = world.deploying(2, script="slug0001")
    answer = world.put({**METADATA, "assets": {"jwt": token}}, headers=world.grant(other))
    assert refused_with(answer) == (401, 10000)
    opening = result(world.announce({"/new": b"new"}))["jwt"]
    for wrong in (opening, "x", "", token + "x"):
        assert refused_with(world.put({**METADATA, "assets": {"jwt": wrong}}))[0] in {400, 401}
    assert world.live() is None


def test_types_are_kept_as_they_were_told(world: World) -> None:
    page, raw, nothing = b"page", b"raw", b""
    opened = result(world.announce({"/a": page, "/b": raw, "/c": nothing}))
    parts = [
        (name_of(page), page, HTML),
        (name_of(raw), raw, "application/null"),
        (name_of(nothing), nothing, None),
    ]
    token = result(world.send(opened["jwt"], parts))["jwt"]
    world.put({**METADATA, "assets": {"jwt": token, "config": {"html_handling": "none"}}})
    types = {asset.path: asset.content_type for asset in world.bundle().assets}
    assert types == {"/a": HTML, "/b": None, "/c": None}
    assert world.bundle().assets_config == {"html_handling": "none"}


def test_files_in_more_than_one_bucket(world: World) -> None:
    files = {f"/{number}": f"{number}".encode() for number in range(1100)}
    assert len(result(world.announce(files))["buckets"]) == 3
    assert world.put({**METADATA, "assets": {"jwt": world.upload(files)}}).status_code == 200
    assert len(world.bundle().assets) == 1100


def test_many_files_are_not_all_looked_for_after_each_bucket(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"/{number}": f"{number}".encode() for number in range(1100)}
    opened, asked = result(world.announce(files)), list[int]()
    known = FakeAssets.known

    def counted(memory: FakeAssets, scope: str, names: Sequence[str]) -> Mapping[str, KnownAsset]:
        asked.append(len(names))
        return known(memory, scope, names)

    monkeypatch.setattr(FakeAssets, "known", counted)
    contents = {name_of(content): content for content in files.values()}
    first, *_ = opened["buckets"]
    parts = [(name, contents[name], None) for name in first]
    assert world.send(opened["jwt"], parts).status_code == 202
    assert asked == [500]


def test_no_files_are_a_complete_upload(world: World) -> None:
    opened = result(world.announce({}))
    assert opened["buckets"] == []
    assert world.put({**METADATA, "assets": {"jwt": opened["jwt"]}}).status_code == 200


# -------------------- one by one


LARGE = {"/large.bin": b"\x00\xff" * 600_000, "/other.bin": b"\xee" * 1_100_000}


def test_large_files_are_asked_for_one_by_one(world: World) -> None:
    for files, wish in ((LARGE, True), (FILES, None), (LARGE | FILES, None), ({}, None)):
        token = result(world.announce(files))["jwt"]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims.get("wrangler_single_asset_uploads") is wish


def test_a_file_may_come_by_itself_as_it_is(world: World) -> None:
    opened = result(world.announce(LARGE))
    first, last = LARGE.values()
    answer = world.send_file(opened["jwt"], name_of(first), first, "application/null")
    assert (answer.status_code, result(answer)) == (202, {})
    answer = world.send_file(opened["jwt"], name_of(last), last, "text/plain; charset=utf-8")
    assert answer.status_code == 201
    assert world.put({**METADATA, "assets": {"jwt": result(answer)["jwt"]}}).status_code == 200
    kept = {asset.path: asset for asset in world.bundle().assets}
    assert {path: world.bundles.blobs[asset.sha256] for path, asset in kept.items()} == LARGE
    assert [kept[path].content_type for path in LARGE] == [None, "text/plain; charset=utf-8"]


@pytest.mark.parametrize(
    ("name", "content", "kind", "status"),
    [
        (name_of(PAGE), PAGE + b"!", HTML, 413),
        (name_of(PAGE), PAGE[:-1], HTML, 400),
        (name_of(PAGE), b"", HTML, 400),
        (name_of(PAGE), PAGE, "x" * 201, 400),
        (name_of(b"other"), PAGE, HTML, 400),
        ("..", PAGE, HTML, 400),
        ("%2e%2e%2fx", PAGE, HTML, 404),
        ("", PAGE, HTML, 404),
    ],
)
def test_a_file_that_was_not_announced(
    world: World, name: str, content: bytes, kind: str, status: int
) -> None:
    opened = result(world.announce(FILES))
    assert refusal(world.send_file(opened["jwt"], name, content, kind))[0] == status
    assert remembered(world) == set()


def test_a_file_that_is_larger_than_any_is_not_read(world: World) -> None:
    opened = result(world.announce(FILES))
    said = {"CONTENT_LENGTH": str(MAXIMUM_FILE_BYTES + 1)}
    answer = world.send_file(opened["jwt"], name_of(PAGE), b"", HTML, said=said)
    assert refused_with(answer) == (413, 10027)


# -------------------- bad input


def test_more_files_than_cloudflare_takes(world: World) -> None:
    manifest = {f"/{number}": {"hash": f"{number:032x}", "size": 1} for number in range(100_001)}
    path = f"{world.script_path}/assets-upload-session"
    status, faults = refusal(world.call("POST", path, json={"manifest": manifest}))
    assert (status, faults[0][0]) == (400, 10021)
    assert "100001 files" in faults[0][1]


def test_a_file_larger_than_cloudflare_takes(world: World) -> None:
    manifest = {"/big.bin": {"hash": "0" * 32, "size": MAXIMUM_FILE_BYTES + 1}}
    path = f"{world.script_path}/assets-upload-session"
    status, faults = refusal(world.call("POST", path, json={"manifest": manifest}))
    assert status == 400
    assert "/big.bin" in faults[0][1]


def test_a_manifest_that_says_that_it_is_too_large_is_not_read(world: World) -> None:
    answer = world.call(
        "POST",
        f"{world.script_path}/assets-upload-session",
        environ_overrides={"CONTENT_LENGTH": str(17 * 1024 * 1024)},
    )
    assert refused_with(answer) == (413, 10027)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"manifest": 1}', b"\xff", b"{" * 100_000])
def test_a_manifest_that_is_none(world: World, body: bytes) -> None:
    answer = world.call("POST", f"{world.script_path}/assets-upload-session", data=body)
    assert refused_with(answer) == (400, 10021)


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([(name_of(PAGE), base64.b64encode(PAGE + b"!"), HTML)], 413),
        ([(name_of(PAGE), base64.b64encode(PAGE[:-1]), HTML)], 400),
        ([(name_of(PAGE), b"", HTML)], 400),
        ([(name_of(PAGE), PAGE, HTML)], 400),
        ([(name_of(PAGE), base64.b64encode(PAGE)[:-1], HTML)], 400),
        ([(name_of(b"other"), base64.b64encode(PAGE), HTML)], 400),
        ([("../../etc/passwd", base64.b64encode(PAGE), HTML)], 400),
        ([(name_of(PAGE), base64.b64encode(PAGE), "text/html\x01")], 400),
        ([(name_of(PAGE), base64.b64encode(PAGE), "x" * 201)], 400),
        # What came before the wrong one counts for nothing.
        ([(name_of(STYLE), base64.b64encode(STYLE), "text/css"), (name_of(PAGE), b"!", HTML)], 400),
    ],
)
def test_a_bucket_with_what_was_not_announced(
    world: World, parts: list[tuple[str, bytes, str | None]], status: int
) -> None:
    opened = result(world.announce(FILES))
    assert refusal(world.send_raw(opened["jwt"], form(parts)))[0] == status
    assert remembered(world) == set()


@pytest.mark.parametrize("end", [0, 1, 20, 100, 200, -1, -3, -60])
def test_a_bucket_that_breaks_off(world: World, end: int) -> None:
    opened = result(world.announce(FILES))
    whole = form([(name_of(PAGE), base64.b64encode(PAGE), HTML)]).rstrip()
    assert refused_with(world.send_raw(opened["jwt"], whole[:end])) == (400, 10001)
    assert remembered(world) == set()


def test_a_bucket_of_another_kind(world: World) -> None:
    opened = result(world.announce(FILES))
    bearer = {"Authorization": f"Bearer {opened['jwt']}"}
    for path, headers in (
        ("/assets/upload", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("/assets/upload?base64=false", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("/assets/upload?base64=true", {"Content-Type": "application/json"}),
        ("/assets/upload?base64=true", {}),
    ):
        answer = world.call("POST", path, data=b"", headers={**bearer, **headers})
        assert refusal(answer)[0] == 400


def test_a_name_that_stands_for_something_else_already(world: World) -> None:
    world.upload({"/a": PAGE})
    manifest = {"/a": {"hash": name_of(PAGE), "size": len(PAGE) + 1}}
    path = f"{world.script_path}/assets-upload-session"
    assert refused_with(world.call("POST", path, json={"manifest": manifest})) == (400, 10021)


def test_an_upload_whose_manifest_was_pruned(world: World) -> None:
    opened = result(world.announce(FILES))
    world.bundles.blobs.clear()
    assert refused_with(world.send(opened["jwt"], [(name_of(PAGE), PAGE, HTML)])) == (401, 10000)


@pytest.mark.parametrize("call", ["write", "open", "has"])
def test_a_store_that_does_not_answer(world: World, call: str) -> None:
    opened = result(world.announce({"/app.css": STYLE}))
    world.send(opened["jwt"], [(name_of(STYLE), STYLE, "text/css")])
    world.bundles.fail_next(RemoteUnavailable("writing to the bucket: no answer"), call=call)
    if call == "open":
        assert refused_with(world.send(opened["jwt"], [(name_of(STYLE), STYLE, None)])) == (503, 10013)
    else:
        assert refused_with(world.announce(FILES)) == (503, 10013)
    assert remembered(world) == {name_of(STYLE)}
