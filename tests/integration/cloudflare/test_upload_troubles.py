"""What can go wrong at each step of putting a script up, and who can help."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from app.bundles.directory import DirectoryBundles
from app.cloudflare import client as client_module
from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.bundles import Asset
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
from app.ports import Upload
from tests.fakes.bundles import FakeBundles
from tests.integration.cloudflare.uploading import NOW, SETTINGS, TOKEN, Answer, FakeCloudflare, failed, ok

STEPS = ["session", "assets", "script"]


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
