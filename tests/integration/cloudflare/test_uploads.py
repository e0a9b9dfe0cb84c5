"""What is sent to put a script up, step by step; and scripts that are deleted by their tag."""

import base64
import json
import re
import threading
from dataclasses import replace
from email.message import Message

import httpx
import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.bundles import Asset
from app.errors import BranchlineError, RemoteMissing, RemoteUnavailable
from app.ports import Upload
from tests.fakes.bundles import FakeBundles
from tests.integration.cloudflare.uploading import (
    NOW,
    SETTINGS,
    TOKEN,
    FakeCloudflare,
    failed,
    ok,
    parts_of,
    step_of,
)

ACCOUNT = "/client/v4/accounts/acc"
SCRIPT = f"{ACCOUNT}/workers/dispatch/namespaces/live/scripts/hello"


def content_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def of_code(upload: Upload) -> Upload:
    return replace(upload, bundle=replace(upload.bundle, assets=(), assets_config=None))


# ---------------------------------------------------------------------------------------------- what is sent


def test_the_steps_come_in_order(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", upload)
    assert cloudflare.steps() == ["session", "assets", "assets", "script"]
    assert [request.url.path for request in cloudflare.requests] == [
        f"{SCRIPT}/assets-upload-session",
        f"{ACCOUNT}/workers/assets/upload",
        f"{ACCOUNT}/workers/assets/upload",
        SCRIPT,
    ]


def test_only_assets_bear_the_token_of_the_session(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", upload)
    bearers = {step_of(request): request.headers["authorization"] for request in cloudflare.requests}
    assert bearers == {
        "session": f"Bearer {TOKEN}",
        "assets": "Bearer session-token",
        "script": f"Bearer {TOKEN}",
    }


def test_assets_are_announced_by_salted_hashes(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", upload)
    manifest = json.loads(cloudflare.of("session")[0].content)["manifest"]
    assert manifest == {
        asset.path: {"hash": asset.upload_hash("app_1/production"), "size": asset.size_bytes}
        for asset in upload.bundle.assets
    }
    assert all(re.fullmatch("[0-9a-f]{32}", entry["hash"]) for entry in manifest.values())


def test_assets_are_sent_as_base64_with_their_types(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", upload)
    sent = {name: part for request in cloudflare.of("assets") for name, part in parts_of(request).items()}
    assert {request.url.query for request in cloudflare.of("assets")} == {b"base64=true"}
    for asset in upload.bundle.assets:
        part = sent[asset.upload_hash("app_1/production")]
        assert part.get_content_type() == (asset.content_type or "application/null")
        assert len(base64.b64decode(content_of(part), validate=True)) == asset.size_bytes
    assert base64.b64decode(content_of(sent[upload.bundle.assets[1].upload_hash("app_1/production")])) == (
        bytes(range(256)) * 2000
    )


def test_the_script_has_its_metadata_and_modules(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", upload)
    parts = parts_of(cloudflare.of("script")[0])
    assert json.loads(content_of(parts["metadata"])) == {
        "main_module": "index.js",
        "bindings": [{"type": "secret_text", "name": "KEY", "text": "canary"}],
        "keep_bindings": [],
        "observability": {"enabled": True},
        "limits": {"cpu_ms": 50},
        "compatibility_date": "2026-10-01",
        "compatibility_flags": ["nodejs_compat"],
        "tags": ["app-1"],
        "assets": {"jwt": "completion-token", "config": {"not_found_handling": "404-page"}},
    }
    assert parts["index.js"].get_content_type() == "application/javascript+module"
    assert content_of(parts["index.js"]) == b"export default {}"


def test_lengths_are_told_beforehand(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", upload)
    for request in cloudflare.requests:
        assert int(request.headers["content-length"]) == len(request.content)
        assert "transfer-encoding" not in request.headers


def test_code_alone_needs_no_session(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", of_code(upload))
    assert cloudflare.steps() == ["script"]
    assert "assets" not in json.loads(content_of(parts_of(cloudflare.requests[0])["metadata"]))


def test_what_cloudflare_has_is_not_sent_again(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    cloudflare.lacks_all = False
    scripts.put("live", "hello", upload)
    assert cloudflare.steps() == ["session", "script"]
    metadata = json.loads(content_of(parts_of(cloudflare.of("script")[0])["metadata"]))
    assert metadata["assets"]["jwt"] == "completion-token"


def test_assets_alone_are_described_as_wrangler_does(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    scripts.put("live", "hello", replace(upload, bundle=replace(upload.bundle, main_module=None, modules=())))
    parts = parts_of(cloudflare.of("script")[0])
    assert set(parts) == {"metadata"}
    assert set(json.loads(content_of(parts["metadata"]))) == {
        "assets",
        "compatibility_date",
        "compatibility_flags",
        "tags",
    }


@pytest.mark.parametrize("name", ['a"; filename="b', "a\r\nX-Evil: 1", "ümlaut.js", "./lib/x.js", "a\0b"])
def test_a_name_does_not_end_its_header(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload, name: str
) -> None:
    modules = (replace(upload.bundle.modules[0], name=name),)
    scripts.put("live", "hello", of_code(replace(upload, bundle=replace(upload.bundle, modules=modules))))
    body = cloudflare.requests[0].content
    head = body.split(b"\r\n--")[1].partition(b"\r\n\r\n")[0].decode()
    assert head.count("\r\n") == 2
    assert head.count('"') == 4


def test_no_more_than_three_buckets_are_sent_at_once(bundles: FakeBundles, upload: Upload) -> None:
    assets = tuple(Asset(f"/{number}", *bundles.write([str(number).encode()])) for number in range(12))
    running, most, lock = set[int](), [0], threading.Lock()
    all_three = threading.Barrier(3)
    cloudflare = FakeCloudflare(per_bucket=1)

    def answer(request: httpx.Request) -> httpx.Response:
        if step_of(request) != "assets":
            return cloudflare(request)
        with lock:
            running.add(id(request))
            most[0] = max(most[0], len(running))
        all_three.wait(60)
        with lock:
            running.remove(id(request))
        return cloudflare(request)

    client = Cloudflare(SETTINGS, lambda: NOW, transport=httpx.MockTransport(answer))
    bundle = replace(upload.bundle, assets=assets)
    CloudflareScripts(client, SETTINGS, bundles).put("live", "hello", replace(upload, bundle=bundle))
    client.close()
    assert most == [3]


# ------------------------------------------------------------------------------------------ deleting by tag


def test_deleting_by_tag_is_one_call(scripts: CloudflareScripts, cloudflare: FakeCloudflare) -> None:
    cloudflare.trouble["deletion"] = ok(None)
    scripts.delete_tagged("live", "pull-k7m2xqpd-7")
    assert [(it.method, it.url.path, it.url.params["tags"]) for it in cloudflare.requests] == [
        ("DELETE", SCRIPT.removesuffix("/hello"), "pull-k7m2xqpd-7:yes")
    ]


@pytest.mark.parametrize("tag", ["", "a,b", "a:yes,b", "a&b", "a b", "a\n"])
def test_what_is_no_tag_deletes_nothing(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, tag: str
) -> None:
    with pytest.raises(BranchlineError, match="that is no tag"):
        scripts.delete_tagged("live", tag)
    assert cloudflare.requests == []


@pytest.mark.parametrize(("status", "expected"), [(404, RemoteMissing), (500, RemoteUnavailable)])
def test_deleting_by_tag_may_fail(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, status: int, expected: type[BranchlineError]
) -> None:
    cloudflare.trouble["deletion"] = failed(status, 100119)
    with pytest.raises(expected, match=r"^deleting the scripts tagged app-1 in live: "):
        scripts.delete_tagged("live", "app-1")
