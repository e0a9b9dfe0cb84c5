"""What our adapter puts up is what a visitor meets: code, assets and bindings on a real workerd."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.bundles import Asset, Bundle, Module
from app.errors import ScriptRefused
from app.ports import Limits, Upload
from app.settings import Secret
from tests.accounts import cloudflare_settings
from tests.contract.sandbox_cloudflare.driver import ACCOUNT, PREVIEW, PRODUCTION, TOKEN, Sandbox, script_path
from tests.fakes.bundles import FakeBundles

TAGS = ("app-abcd", "env-production", "commit-" + "0" * 40, "deployment-dpl_1", "own-abcd")
SHOWING = """
import { colour } from "./lib/colour.js";
import page from "./page.txt";
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/env") return Response.json({ ...env, FILES: typeof env.FILES?.fetch });
    if (pathname === "/asset") return env.FILES.fetch("http://assets/style.css");
    return new Response(colour + page);
  },
};
"""


@pytest.fixture
def bundles() -> FakeBundles:
    return FakeBundles()


@pytest.fixture
def scripts(sandbox: Sandbox, bundles: FakeBundles) -> Iterator[CloudflareScripts]:
    settings = cloudflare_settings(sandbox.api, account_id=ACCOUNT, api_token=Secret(TOKEN))
    client = Cloudflare(settings, lambda: datetime.now(UTC))
    yield CloudflareScripts(client, settings, bundles)
    client.close()


def module(bundles: FakeBundles, name: str, code: str, kind: str = "application/javascript+module") -> Module:
    sha256, size_bytes = bundles.write([code.encode()])
    return Module(name, kind, sha256, size_bytes)


def asset(bundles: FakeBundles, path: str, content: bytes, content_type: str | None = None) -> Asset:
    sha256, size_bytes = bundles.write([content])
    return Asset(path, sha256, size_bytes, content_type)


def upload(bundle: Bundle, *bindings: dict[str, Any], scope: str = "app_1/production") -> Upload:
    return Upload(bundle, bindings=bindings, tags=TAGS, scope=scope, limits=Limits(50, 20))


def showing(bundles: FakeBundles) -> Bundle:
    return Bundle(
        main_module="index.js",
        modules=(
            module(bundles, "index.js", SHOWING),
            module(bundles, "lib/colour.js", "export const colour = 'blue';"),
            module(bundles, "page.txt", " page", "text/plain"),
        ),
        compatibility_date="2026-10-01",
        compatibility_flags=("nodejs_compat",),
        assets=(
            asset(bundles, "/style.css", b"body { color: blue }", "text/css"),
            asset(bundles, "/index.html", b"<h1>hello", "text/html"),
        ),
        assets_config={"run_worker_first": ["/", "/env", "/asset"]},
    )


def plain(bundles: FakeBundles, code: str) -> Bundle:
    return Bundle(
        main_module="index.js", modules=(module(bundles, "index.js", code),), compatibility_date="2026-10-01"
    )


def test_code_bindings_and_assets_answer_at_once(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    bindings: list[dict[str, Any]] = [
        {"type": "plain_text", "name": "COLOUR", "text": "blau 青"},
        {"type": "json", "name": "LIST", "json": [1, {"a": None}]},
        {"type": "secret_text", "name": "SECRET", "text": "hidden"},
        {"type": "assets", "name": "FILES"},
    ]
    scripts.put(PRODUCTION, "put0001", upload(showing(bundles), *bindings))
    assert sandbox.visit("put0001").text == "blue page"
    assert sandbox.visit("put0001", "/env").json() == {
        "COLOUR": "blau 青",
        "LIST": [1, {"a": None}],
        "SECRET": "hidden",
        "FILES": "function",
    }
    served = sandbox.visit("put0001", "/style.css")
    assert (served.text, served.headers["content-type"]) == ("body { color: blue }", "text/css")
    assert sandbox.visit("put0001", "/asset").text == "body { color: blue }"


def test_what_is_kept_of_a_script_is_what_was_asked_for(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    scripts.put(PRODUCTION, "put0002", upload(plain(bundles, "export default {}")))
    settings = sandbox.result("GET", script_path("put0002") + "/settings")
    assert sorted(settings["tags"]) == sorted(TAGS)
    assert settings["limits"] == {"cpu_ms": 50, "subrequests": 20}
    assert settings["observability"]["enabled"] is True


def test_nothing_is_left_of_the_version_before(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    code = "export default { fetch: (_, env) => Response.json(env) }"
    secret = {"type": "secret_text", "name": "OLD", "text": "hidden"}
    scripts.put(PRODUCTION, "put0003", upload(plain(bundles, code), secret))
    scripts.put(PRODUCTION, "put0003", upload(plain(bundles, code)))
    assert sandbox.visit("put0003").json() == {}


def test_a_script_that_is_refused_leaves_the_old_one_live(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    scripts.put(
        PRODUCTION, "put0004", upload(plain(bundles, "export default { fetch: () => new Response('old') }"))
    )
    with pytest.raises(
        ScriptRefused, match=r"(?s)^putting put0004 up in .*: .*my mistake.* \(10021\)$"
    ) as refused:
        scripts.put(PRODUCTION, "put0004", upload(plain(bundles, "throw new Error('my mistake')")))
    assert refused.value.details["codes"] == [10021]
    assert sandbox.visit("put0004").text == "old"


def test_assets_alone_are_a_script(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    page = asset(bundles, "/index.html", b"<h1>alone", "text/html; charset=utf-8")
    bundle = Bundle(
        main_module=None,
        modules=(),
        compatibility_date="2026-10-01",
        assets=(page,),
        assets_config={"not_found_handling": "single-page-application"},
    )
    scripts.put(PREVIEW, "preview-put00005", upload(bundle, {"type": "plain_text", "name": "A", "text": "b"}))
    served = sandbox.visit("preview-put00005", "/deep/link", headers={"sec-fetch-mode": "navigate"})
    assert (served.text, served.headers["content-type"]) == ("<h1>alone", "text/html; charset=utf-8")
    assert sorted(scripts.tags(PREVIEW, "preview-put00005") or []) == sorted(TAGS)


def test_only_missing_assets_are_uploaded(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    bundle = showing(bundles)
    scripts.put(PRODUCTION, "put0006", upload(bundle, scope="six"))
    del bundles.blobs[bundle.assets[0].sha256]
    scripts.put(PRODUCTION, "put0007", upload(bundle, scope="six"))
    assert sandbox.visit("put0007", "/style.css").text == "body { color: blue }"


def test_many_assets_go_up_in_several_buckets(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    files = tuple(
        asset(bundles, f"/file-{number}.txt", f"content {number}".encode(), "text/plain")
        for number in range(450)
    )
    empty = asset(bundles, "/empty.txt", b"", "text/plain")
    bundle = Bundle(None, (), "2026-10-01", assets=(*files, empty), assets_config={})
    scripts.put(PRODUCTION, "put0008", upload(bundle, scope="eight"))
    assert [sandbox.visit("put0008", f"/file-{number}.txt").text for number in (0, 224, 449)] == [
        "content 0",
        "content 224",
        "content 449",
    ]
    assert sandbox.visit("put0008", "/empty.txt").text == ""


def test_an_asset_of_the_largest_size_goes_up(
    sandbox: Sandbox, scripts: CloudflareScripts, bundles: FakeBundles
) -> None:
    content = bytes(range(256)) * 4096 * 25
    large = asset(bundles, "/large.bin", content)
    bundle = Bundle(None, (), "2026-10-01", assets=(large,), assets_config={})
    scripts.put(PRODUCTION, "put0009", upload(bundle, scope="nine"))
    served = sandbox.visit("put0009", "/large.bin")
    assert served.content == content
    assert "content-type" not in served.headers
