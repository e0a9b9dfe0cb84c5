"""What the tests of uploads share: a Cloudflare, a store of bundles, the adapter between them, an upload."""

from collections.abc import Iterator

import httpx
import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.bundles import Asset, Bundle, Module
from app.ports import Limits, Upload
from tests.fakes.bundles import FakeBundles
from tests.integration.cloudflare.uploading import NOW, SETTINGS, FakeCloudflare


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
