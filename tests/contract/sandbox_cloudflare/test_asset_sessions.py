"""Sessions of asset uploads: what is announced, what is taken, and what their tokens are good for."""

import base64
import json
from itertools import chain
from typing import Any

import httpx
import jwt
import pytest

from tests.contract.sandbox_cloudflare.driver import (
    PRODUCTION,
    STAGING,
    TOKEN,
    Sandbox,
    refusal,
    script_path,
)


def announced(content: bytes, digest: str) -> dict[str, Any]:
    return {"hash": digest * 32, "size": len(content)}


def test_assets_are_uploaded_in_several_requests(sandbox: Sandbox) -> None:
    manifest = {
        "/index.html": announced(b"home", "1"),
        "/a.bin": announced(b"bytes", "2"),
        "/e": announced(b"", "3"),
    }
    session = sandbox.result(
        "POST", script_path("assets1") + "/assets-upload-session", json={"manifest": manifest}
    )
    assert sorted(chain.from_iterable(session["buckets"])) == ["1" * 32, "2" * 32, "3" * 32]
    bearer = {"authorization": f"Bearer {session['jwt']}"}
    upload = "/workers/assets/upload"
    first = {
        "1" * 32: ("x", base64.b64encode(b"home"), "text/html; charset=utf-8"),
        "3" * 32: ("x", b"", "text/plain"),
    }
    accepted = sandbox.call("POST", upload + "?base64=true", files=first, headers=bearer)
    assert (accepted.status_code, accepted.json()["result"]) == (202, {})
    raw = {**bearer, "content-type": "application/null"}
    completed = sandbox.call("POST", f"{upload}/{'2' * 32}", content=b"bytes", headers=raw)
    assert completed.status_code == 201
    assets = {"jwt": completed.json()["result"]["jwt"], "config": {}}
    metadata = (None, json.dumps({"assets": assets}))
    assert sandbox.call("PUT", script_path("assets1"), files={"metadata": metadata}).status_code == 200
    assert sandbox.visit("assets1").headers["content-type"] == "text/html; charset=utf-8"
    assert sandbox.visit("assets1", "/a.bin").content == b"bytes"
    assert "content-type" not in sandbox.visit("assets1", "/a.bin").headers
    assert sandbox.visit("assets1", "/e").content == b""


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        [],
        {"/a": {"hash": "short", "size": 1}},
        {"/a": {"hash": "a" * 32, "size": -1}},
        {"/a": {"hash": "a" * 32, "size": 26 * 1024 * 1024}},
        {"relative": {"hash": "a" * 32, "size": 1}},
    ],
)
def test_an_impossible_manifest_is_refused(sandbox: Sandbox, manifest: object) -> None:
    path = script_path("assets2") + "/assets-upload-session"
    assert refusal(sandbox.call("POST", path, json={"manifest": manifest})) == (400, 10021)


def test_assets_are_checked_against_the_manifest(sandbox: Sandbox) -> None:
    manifest = {"/a": announced(b"1234", "a")}
    session = sandbox.result(
        "POST", script_path("assets3") + "/assets-upload-session", json={"manifest": manifest}
    )
    bearer = {"authorization": f"Bearer {session['jwt']}"}
    for digest, content in (("a", b"12345"), ("a", b"123"), ("b", b"1234")):
        part = {digest * 32: ("x", base64.b64encode(content))}
        sent = sandbox.call("POST", "/workers/assets/upload?base64=true", files=part, headers=bearer)
        assert refusal(sent) == (400, 10021)
    garbage = {"a" * 32: ("x", b"%%%%")}
    sent = sandbox.call("POST", "/workers/assets/upload?base64=true", files=garbage, headers=bearer)
    assert refusal(sent) == (400, 10021)


def uploaded_assets(
    sandbox: Sandbox, script: str, files: dict[str, bytes], namespace: str = PRODUCTION
) -> str:
    """Upload files, each path being its hash's only digit, and return the completion token."""
    manifest = {path: announced(content, path[1]) for path, content in files.items()}
    path = script_path(script, namespace) + "/assets-upload-session"
    session = sandbox.result("POST", path, json={"manifest": manifest})
    token: str = session["jwt"]
    parts = {path[1] * 32: ("x", base64.b64encode(content), "text/plain") for path, content in files.items()}
    for bucket in session["buckets"]:
        headers = {"authorization": f"Bearer {token}"}
        sent = {digest: parts[digest] for digest in bucket}
        result = sandbox.result("POST", "/workers/assets/upload?base64=true", files=sent, headers=headers)
        token = result.get("jwt", token)
    return token


def finish(sandbox: Sandbox, script: str, token: str, namespace: str = PRODUCTION) -> httpx.Response:
    """Make a script of assets alone with a completion token."""
    metadata = (None, json.dumps({"assets": {"jwt": token, "config": {}}}))
    return sandbox.call("PUT", script_path(script, namespace), files={"metadata": metadata})


def test_a_completion_token_is_for_its_script_and_namespace_alone(sandbox: Sandbox) -> None:
    token = uploaded_assets(sandbox, "assets5", {"/5": b"five"})
    assert refusal(finish(sandbox, "assets6", token)) == (401, 10000)
    assert refusal(finish(sandbox, "assets5", token, STAGING)) == (401, 10000)
    assert finish(sandbox, "assets5", token).status_code == 200
    assert sandbox.visit("assets5", "/5").text == "five"


def test_assets_are_shared_within_a_namespace_and_not_beyond(sandbox: Sandbox) -> None:
    uploaded_assets(sandbox, "assets7", {"/7": b"seven"})
    manifest = {"manifest": {"/same": announced(b"seven", "7")}}
    session = script_path("assets8") + "/assets-upload-session"
    assert sandbox.result("POST", session, json=manifest)["buckets"] == []
    elsewhere = script_path("assets8", STAGING) + "/assets-upload-session"
    assert sandbox.result("POST", elsewhere, json=manifest)["buckets"] == [["7" * 32]]


def test_a_session_that_somebody_else_forgets_meanwhile_is_no_obstacle(sandbox: Sandbox) -> None:
    path = script_path("assets11") + "/assets-upload-session"
    sandbox.result("POST", path, json={"manifest": {"/1": announced(b"one", "1")}})
    uploads = sandbox.directory / "namespaces" / PRODUCTION / "uploads"
    (uploads / "forgotten.json").symlink_to(uploads / "gone")  # in the list, and not to be looked at
    assert "jwt" in sandbox.result("POST", path, json={"manifest": {"/1": announced(b"one", "1")}})


def test_an_asset_that_is_there_stays_as_it_is(sandbox: Sandbox) -> None:
    path = script_path("assets9") + "/assets-upload-session"
    early = sandbox.result("POST", path, json={"manifest": {"/9": announced(b"first", "9")}})["jwt"]
    assert finish(sandbox, "assets10", uploaded_assets(sandbox, "assets10", {"/9": b"first"})).is_success
    part = {"9" * 32: ("x", base64.b64encode(b"other"))}
    bearer = {"authorization": f"Bearer {early}"}
    sandbox.result("POST", "/workers/assets/upload?base64=true", files=part, headers=bearer)
    assert sandbox.visit("assets10", "/9").text == "first"


def test_an_upload_token_expires(sandbox: Sandbox) -> None:
    token = uploaded_assets(sandbox, "assets11", {"/b": b"eleven"})
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    key = json.loads((sandbox.directory / "credentials.json").read_text())["signingKey"]
    late = jwt.encode({**claims, "exp": claims["iat"] - 1}, key, "HS256")
    assert refusal(finish(sandbox, "assets11", late)) == (401, 10000)


@pytest.mark.parametrize("claim", ["account", "namespace", "session"])
def test_an_upload_token_of_somewhere_else_is_refused(sandbox: Sandbox, claim: str) -> None:
    token = uploaded_assets(sandbox, "assets12", {"/d": b"twelve"})
    key = json.loads((sandbox.directory / "credentials.json").read_text())["signingKey"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert refusal(finish(sandbox, "assets12", jwt.encode({**claims, claim: "0" * 32}, key, "HS256"))) == (
        401,
        10000,
    )


def test_an_upload_token_cannot_be_forged_or_used_elsewhere(sandbox: Sandbox) -> None:
    manifest = {"/a": announced(b"secret content", "c")}
    path = script_path("assets4") + "/assets-upload-session"
    token = sandbox.result("POST", path, json={"manifest": manifest})["jwt"]
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode({**claims, "complete": True}, "a key of somebody else, long enough", "HS256")
    for bad in (forged, token, TOKEN, "x.y.z"):  # the unfinished token too is none to finish with
        metadata = (None, json.dumps({"assets": {"jwt": bad}}))
        assert refusal(sandbox.call("PUT", script_path("assets4"), files={"metadata": metadata})) == (
            401,
            10000,
        )
    for bad in (forged, TOKEN):
        sent = sandbox.call("POST", "/workers/assets/upload", headers={"authorization": f"Bearer {bad}"})
        assert refusal(sent) == (401, 10000)
