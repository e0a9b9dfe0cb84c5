"""Trouble on the way to Cloudflare, at each step: nothing is live by halves, and trying again mends it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count

import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.bundles import Asset, Bundle, Module
from app.errors import RateLimited, RemoteUnavailable
from app.ports import Upload
from app.settings import Secret
from tests.accounts import cloudflare_settings
from tests.contract.sandbox_cloudflare.driver import ACCOUNT, PRODUCTION, TOKEN, Sandbox, eventually
from tests.fakes.bundles import FakeBundles
from tests.faults_between import Fault, FaultyProxy, faults_before

# Late and absent are answers, of which nothing has to be mended.
FAILURES = [fault for fault in Fault if fault not in {Fault.SILENT, Fault.ABSENT}]
LIMITS = {Fault.LIMITED, Fault.FORBIDDEN}
STEPS = {
    "session": ("POST", "/assets-upload-session"),
    "assets": ("POST", "/workers/assets/upload"),
    "script": ("PUT", ""),
}
_numbers = count(1)


@pytest.fixture(scope="module")
def proxy(sandbox: Sandbox) -> Iterator[FaultyProxy]:
    with faults_before(sandbox.url) as between:
        between.retry_after = "1"
        yield between


@pytest.fixture
def bundles() -> FakeBundles:
    return FakeBundles()


@pytest.fixture
def scripts(proxy: FaultyProxy, bundles: FakeBundles) -> Iterator[CloudflareScripts]:
    settings = cloudflare_settings(f"{proxy.url}/client/v4", account_id=ACCOUNT, api_token=Secret(TOKEN))
    client = Cloudflare(settings, lambda: datetime.now(UTC))
    yield CloudflareScripts(client, settings, bundles)
    client.close()
    proxy.faults.clear()


@pytest.fixture
def script() -> str:
    return f"faulty{next(_numbers):02}"


def version(bundles: FakeBundles, script: str, colour: str) -> Upload:
    """Return a script whose code and asset tell the same colour."""
    code = bundles.write([f"export default {{ fetch: () => new Response('{colour}') }}".encode()])
    asset = bundles.write([colour.encode() * 50_000])
    bundle = Bundle(
        main_module="index.js",
        modules=(Module("index.js", "application/javascript+module", *code),),
        compatibility_date="2026-10-01",
        assets=(Asset("/colour.txt", *asset, "text/plain"),),
        assets_config={},
    )
    return Upload(bundle, bindings=(), tags=["app-abcd"], scope=script)


def is_put(scripts: CloudflareScripts, script: str, upload: Upload) -> bool:
    """Put it up, unless a limit still holds."""
    with suppress(RateLimited):
        scripts.put(PRODUCTION, script, upload)
        return True
    return False


def is_whole(sandbox: Sandbox, script: str, colour: str) -> bool:
    code, asset = sandbox.visit(script).text, sandbox.visit(script, "/colour.txt").text
    return (code, asset) == (colour, colour * 50_000)


@pytest.mark.parametrize("fault", FAILURES, ids=lambda fault: fault.name)
@pytest.mark.parametrize("step", list(STEPS))
def test_what_is_live_is_whole_and_trying_again_mends_it(  # noqa: PLR0917 - a fixture each
    sandbox: Sandbox,
    scripts: CloudflareScripts,
    bundles: FakeBundles,
    proxy: FaultyProxy,
    script: str,
    step: str,
    fault: Fault,
) -> None:
    scripts.put(PRODUCTION, script, version(bundles, script, "blue"))
    proxy.faults[STEPS[step]] = fault
    with pytest.raises(RateLimited if fault in LIMITS else RemoteUnavailable):
        scripts.put(PRODUCTION, script, version(bundles, script, "white"))
    has_arrived = step == "script" and fault in {Fault.UNANSWERED, Fault.CUT, Fault.RESET}
    assert is_whole(sandbox, script, "white" if has_arrived else "blue")
    proxy.faults.clear()
    eventually(lambda: is_put(scripts, script, version(bundles, script, "white")))
    assert is_whole(sandbox, script, "white")


@pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.UNANSWERED, Fault.CUT, Fault.SICK])
def test_deleting_by_tag_may_be_repeated(
    scripts: CloudflareScripts, bundles: FakeBundles, proxy: FaultyProxy, script: str, fault: Fault
) -> None:
    scripts.put(PRODUCTION, script, version(bundles, script, "blue"))
    proxy.faults["DELETE", "/scripts"] = fault
    with pytest.raises(RemoteUnavailable):
        scripts.delete_tagged(PRODUCTION, "app-abcd")
    proxy.faults.clear()
    scripts.delete_tagged(PRODUCTION, "app-abcd")
    assert scripts.tags(PRODUCTION, script) is None
