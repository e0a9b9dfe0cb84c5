"""Putting a script up, step by step, and what can go wrong at each of them."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from app.bundles.directory import DirectoryBundles
from app.cloudflare import client as client_module
from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.bundles import Asset, Bundle, Module
from app.errors import (
    BranchlineError,
    NotFound,
    RateLimited,
    RemoteForbidden,
    RemoteMissing,
    RemoteRefused,
    RemoteUnavailable,
    ScriptRefused,
)
from app.ports import Limits, Upload
from tests.accounts import cloudflare_settings
from tests.fakes.bundles import FakeBundles

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = cloudflare_settings()
TOKEN = SETTINGS.api_token.reveal()
ACCOUNT = "/client/v4/accounts/acc"
SCRIPT = f"{ACCOUNT}/workers/dispatch/namespaces/live/scripts/hello"
STEPS = ["session", "assets", "script"]
Answer = httpx.Response | Exception


def ok(result: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"success": True, "errors": [], "messages": [], "result": result})


def failed(status: int, code: int = 1000, message: str = "no", **headers: str) -> httpx.Response:
    body = {"success": False, "errors": [{"code": code, "message": message}], "result": None}
    return httpx.Response(status, json=body, headers=headers)


def step_of(request: httpx.Request) -> str:
    if request.method in {"PUT", "DELETE"}:
        return {"PUT": "script", "DELETE": "deletion"}[request.method]
    return "session" if request.url.path.endswith("/assets-upload-session") else "assets"


def parts_of(request: httpx.Request) -> dict[str, Message]:
    """Return the parts of a form by name, read by somebody else's parser."""
    content_type = request.headers["content-type"].encode()
    message = message_from_bytes(b"Content-Type: " + content_type + b"\r\n\r\n" + request.read())
    assert not message.defects
    parts = message.get_payload()
    assert isinstance(parts, list)
    read = [part for part in parts if isinstance(part, Message)]
    return {str(part.get_param("name", header="content-disposition")): part for part in read}


def content_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@dataclass
class FakeCloudflare:
    """Answers as Cloudflare does; `trouble` is what a step answers instead."""

    lacks_all: bool = True
    per_bucket: int = 2
    trouble: dict[str, Answer] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._missing: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        step = step_of(request)
        with self._lock:
            self.requests.append(request)
        trouble = self.trouble.get(step)
        if isinstance(trouble, Exception):
            raise trouble
        return trouble or getattr(self, step)(request)

    def session(self, request: httpx.Request) -> httpx.Response:
        names = [it["hash"] for it in json.loads(request.content)["manifest"].values()] * self.lacks_all
        self._missing = set(names)
        buckets = [names[start : start + self.per_bucket] for start in range(0, len(names), self.per_bucket)]
        return ok({"jwt": "session-token" if buckets else "completion-token", "buckets": buckets})

    def assets(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._missing -= set(parts_of(request))
            return ok({}, 202) if self._missing else ok({"jwt": "completion-token"}, 201)

    def script(self, _: httpx.Request) -> httpx.Response:
        return ok({"id": "hello"})

    def steps(self) -> list[str]:
        return [step_of(request) for request in self.requests]

    def of(self, step: str) -> list[httpx.Request]:
        return [request for request in self.requests if step_of(request) == step]


@pytest.fixture
def bundles() -> FakeBundles:
    return FakeBundles()


@pytest.fixture
def cloudflare() -> FakeCloudflare:
    return FakeCloudflare()


@pytest.fixture
def scripts(cloudflare: FakeCloudflare, bundles: FakeBundles) -> Iterator[CloudflareScripts]:
    client = Cloudflare(SETTINGS, lambda: NOW, transport=httpx.MockTransport(cloudflare))
    yield CloudflareScripts(client, SETTINGS, bundles)
    client.close()


@pytest.fixture
def upload(bundles: FakeBundles) -> Upload:
    def asset(path: str, content: bytes, content_type: str | None) -> Asset:
        return Asset(path, *bundles.write([content]), content_type)

    code = bundles.write([b"export default {}"])
    bundle = Bundle(
        main_module="index.js",
        modules=(Module("index.js", "application/javascript+module", *code),),
        compatibility_date="2026-10-01",
        compatibility_flags=("nodejs_compat",),
        assets=(
            asset("/index.html", b"<h1>hello", "text/html"),
            asset("/data", bytes(range(256)) * 2000, None),
            asset("/style.css", b"body {}", "text/css"),
        ),
        assets_config={"not_found_handling": "404-page"},
    )
    binding = {"type": "secret_text", "name": "KEY", "text": "canary"}
    return Upload(bundle, [binding], tags=["app-1"], scope="app_1/production", limits=Limits(cpu_ms=50))


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


# ------------------------------------------------------------------------------------------ what can go wrong


class Trouble(NamedTuple):
    answer: Answer
    expected: type[BranchlineError]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(failed(500), RemoteUnavailable),
        Trouble(failed(503, 10013, "unwell"), RemoteUnavailable),
        Trouble(httpx.Response(502, text="<html>"), RemoteUnavailable),
        Trouble(httpx.Response(200, text="<html>Sign in"), RemoteUnavailable),
        Trouble(httpx.ConnectError("away"), RemoteUnavailable),
        Trouble(httpx.ConnectTimeout("away"), RemoteUnavailable),
        Trouble(httpx.ReadTimeout("slow"), RemoteUnavailable),
        Trouble(httpx.WriteTimeout("slow"), RemoteUnavailable),
        Trouble(httpx.WriteError("dropped"), RemoteUnavailable),
        Trouble(httpx.RemoteProtocolError("dropped"), RemoteUnavailable),
        Trouble(failed(400, 10021, "Uncaught Error: mistake"), ScriptRefused),
        Trouble(failed(413, 10027, "too large"), ScriptRefused),
        Trouble(failed(404, 100119, "namespace not found"), RemoteMissing),
        Trouble(failed(409, 10079, "busy"), RemoteRefused),
    ],
)
def test_trouble_at_any_step_says_who_can_help(
    scripts: CloudflareScripts,
    cloudflare: FakeCloudflare,
    upload: Upload,
    step: str,
    trouble: Trouble,
) -> None:
    cloudflare.trouble[step] = trouble.answer
    with pytest.raises(BranchlineError, match=r"^putting hello up in live: ") as caught:
        scripts.put("live", "hello", upload)
    assert type(caught.value) is trouble.expected
    assert set(cloudflare.steps()) == set(STEPS[: STEPS.index(step) + 1])
    for secret in (TOKEN, "canary", "session-token", "completion-token"):
        assert secret not in str(caught.value)


@pytest.mark.parametrize("step", STEPS)
def test_a_rate_limit_at_any_step_is_waited_for(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload, step: str
) -> None:
    cloudflare.trouble[step] = failed(429, 971, "slow down", **{"Retry-After": "17"})
    with pytest.raises(RateLimited) as caught:
        scripts.put("live", "hello", upload)
    assert caught.value.retry_at == NOW + timedelta(seconds=17)


def test_a_refusal_keeps_cloudflares_words_and_codes(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    words = "Uncaught Error: " + "x" * 1000 + "\n  at index.js:1:7"
    cloudflare.trouble["script"] = failed(400, 10021, words)
    with pytest.raises(ScriptRefused) as caught:
        scripts.put("live", "hello", upload)
    assert caught.value.message == f"putting hello up in live: {words} (10021)"
    assert caught.value.details["codes"] == [10021]


@pytest.mark.parametrize("step", ["session", "script"])
@pytest.mark.parametrize(("status", "code"), [(401, 10000), (403, 10000), (400, 6003), (400, 9106)])
def test_our_own_token_may_be_refused(  # noqa: PLR0917 - a fixture each
    scripts: CloudflareScripts,
    cloudflare: FakeCloudflare,
    upload: Upload,
    step: str,
    status: int,
    code: int,
) -> None:
    cloudflare.trouble[step] = failed(status, code, "Authentication error")
    with pytest.raises(RemoteForbidden):
        scripts.put("live", "hello", upload)


def test_a_session_that_ended_is_tried_again_later(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload
) -> None:
    cloudflare.trouble["assets"] = failed(401, 10000, "expired")
    with pytest.raises(RemoteUnavailable, match="the session for assets has ended"):
        scripts.put("live", "hello", upload)


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("session", ok(None)),
        ("session", ok({"buckets": []})),
        ("session", ok({"jwt": "token", "buckets": [["0" * 32]]})),
        ("assets", ok({}, 202)),
        ("assets", ok(None, 202)),
    ],
)
def test_an_odd_answer_is_no_success(
    scripts: CloudflareScripts, cloudflare: FakeCloudflare, upload: Upload, step: str, answer: httpx.Response
) -> None:
    cloudflare.trouble[step] = answer
    with pytest.raises(RemoteUnavailable, match="Cloudflare"):
        scripts.put("live", "hello", upload)
    assert "script" not in cloudflare.steps()


def test_after_a_failed_bucket_none_is_begun(bundles: FakeBundles, upload: Upload) -> None:
    assets = tuple(Asset(f"/{number}", *bundles.write([str(number).encode()])) for number in range(30))
    cloudflare = FakeCloudflare(per_bucket=1, trouble={"assets": failed(500)})
    client = Cloudflare(SETTINGS, lambda: NOW, transport=httpx.MockTransport(cloudflare))
    bundle = replace(upload.bundle, assets=assets)
    with pytest.raises(RemoteUnavailable):
        CloudflareScripts(client, SETTINGS, bundles).put("live", "hello", replace(upload, bundle=bundle))
    client.close()
    assert len(cloudflare.of("assets")) < 30


@pytest.mark.parametrize("lost", ["module", "asset"])
def test_what_the_store_lost_is_told(
    scripts: CloudflareScripts, bundles: FakeBundles, upload: Upload, lost: str
) -> None:
    bundle = upload.bundle
    del bundles.blobs[bundle.modules[0].sha256 if lost == "module" else bundle.assets[0].sha256]
    with pytest.raises(NotFound):
        scripts.put("live", "hello", upload)


def test_damage_in_the_store_is_not_put_up(upload: Upload, bundles: FakeBundles, tmp_path: Path) -> None:
    kept = DirectoryBundles(tmp_path)
    for content in bundles.blobs.values():
        kept.write([content])
    sha256 = upload.bundle.modules[0].sha256
    (tmp_path / "blobs" / sha256[:2] / sha256[2:]).write_bytes(b"export default {}".upper())
    cloudflare = FakeCloudflare()
    client = Cloudflare(SETTINGS, lambda: NOW, transport=httpx.MockTransport(cloudflare))
    with pytest.raises(RemoteRefused, match="it is damaged") as caught:
        CloudflareScripts(client, SETTINGS, kept).put("live", "hello", upload)
    client.close()
    assert caught.value.error_code == "bundle:damaged"
    assert "script" not in cloudflare.steps()


def test_a_peer_that_reads_slowly_does_not_hold_us(
    scripts: CloudflareScripts, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_SENDING_SECONDS", -1)
    with pytest.raises(RemoteUnavailable, match="WriteTimeout"):
        scripts.put("live", "hello", upload)


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
