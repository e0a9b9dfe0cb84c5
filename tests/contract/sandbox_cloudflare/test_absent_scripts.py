"""What a visitor is told of a script that is not there, and scripts of forks, on a real workerd."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from sandbox.cloudflare.__main__ import parse
from sandbox.node import node_directory
from tests.contract.sandbox_cloudflare.control_plane import ControlPlane, serving
from tests.contract.sandbox_cloudflare.driver import ROOT, UNTRUSTED, Sandbox, answering, eventually

EXPIRED = {"state": "expired", "expiredAt": "2026-11-20T08:15:00Z", "app": "k7m2xqpd"}
JSON = {"accept": "application/json"}
_numbers = count(1)


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    with serving() as plane:
        yield plane


@pytest.fixture(scope="module")
def asking(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return a sandbox whose dispatch worker knows a control plane."""
    directory = tmp_path_factory.mktemp("asking")
    running = Sandbox(directory, "--rate-limit=100000", f"--control-plane-url={control_plane.url}/")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def script() -> str:
    """Return a name that nobody asked for yet."""
    return f"preview-pr7-absent{next(_numbers)}"


def test_an_expired_address_says_how_to_get_it_back(
    asking: Sandbox, control_plane: ControlPlane, script: str
) -> None:
    control_plane.told[script] = EXPIRED
    page = asking.visit(script, headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (410, "text/html; charset=utf-8")
    assert "has expired on 2026-11-20" in page.text
    assert "branchline restore" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "k7m2xqpd" not in page.text


def test_a_program_is_told_in_json(asking: Sandbox, control_plane: ControlPlane, script: str) -> None:
    control_plane.told[script] = EXPIRED
    response = asking.visit_host(script, headers=JSON)
    assert response.status_code == 410
    error = response.json()["error"]
    assert error["code"] == "deployment:expired"
    assert error["details"] == {"expiredAt": "2026-11-20T08:15:00Z"}
    assert "k7m2xqpd" not in response.text


def test_expired_functions_say_how_to_get_them_back(
    asking: Sandbox, control_plane: ControlPlane, script: str
) -> None:
    control_plane.told[script] = EXPIRED | {"kind": "worker"}
    page = asking.visit(script, headers={"accept": "text/html"})
    assert page.status_code == 410
    assert "branchline workers restore" in page.text
    assert asking.visit(script, headers=JSON).json()["error"]["code"] == "worker:expired"


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", "application/json"])
def test_a_call_below_api_is_a_programs(
    asking: Sandbox, control_plane: ControlPlane, script: str, accept: str
) -> None:
    control_plane.told[script] = EXPIRED | {"kind": "worker"}
    for visit in (asking.visit, asking.visit_host):
        response = visit(script, "/api/invoke/hello", method="POST", headers={"accept": accept})
        assert (response.status_code, response.headers["content-type"]) == (410, "application/json")
        assert response.json()["error"]["details"] == {"expiredAt": "2026-11-20T08:15:00Z"}
    page = asking.visit(script, "/api/hello", headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_an_expired_address_may_have_no_date(
    asking: Sandbox, control_plane: ControlPlane, script: str
) -> None:
    control_plane.told[script] = {"state": "expired"}
    response = asking.visit(script, headers=JSON)
    assert (response.status_code, response.json()["error"]["details"]) == (410, {})


def test_what_the_control_plane_says_is_escaped(
    asking: Sandbox, control_plane: ControlPlane, script: str
) -> None:
    control_plane.told[script] = {"state": "expired", "expiredAt": "<script>"}
    page = asking.visit(script, headers={"accept": "text/html"})
    assert (page.status_code, "<script>" in page.text) == (410, False)


def test_an_address_that_never_was_is_unknown(asking: Sandbox, script: str) -> None:
    response = asking.visit(script, headers=JSON)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "app:not-found")


def test_a_script_that_is_there_is_not_asked_about(asking: Sandbox, control_plane: ControlPlane) -> None:
    asking.upload("herehere", answering("here"))
    assert asking.visit("herehere").text == "here"
    assert control_plane.count("herehere") == 0


def test_what_cannot_be_a_script_is_not_asked_about(asking: Sandbox, control_plane: ControlPlane) -> None:
    for name in ("no-such-prefix", "UPPER", "a_b", "a" * 64, "..%2Fapi%2Fapps"):
        assert asking.visit(name).status_code == 404
        assert control_plane.count(name) == 0
    assert not any("api" in path for path, _ in control_plane.asked)


def test_the_answer_is_remembered(asking: Sandbox, control_plane: ControlPlane, script: str) -> None:
    control_plane.told[script] = EXPIRED
    assert [asking.visit(script).status_code for _ in range(5)] == [410] * 5
    assert control_plane.count(script) == 1


def test_a_remembered_answer_does_not_hide_a_script(asking: Sandbox, control_plane: ControlPlane) -> None:
    control_plane.told["backback"] = EXPIRED
    assert asking.visit("backback").status_code == 410
    asking.upload("backback", answering("back"))
    assert asking.visit("backback").text == "back"


def test_nothing_of_the_visitor_is_passed_on(
    asking: Sandbox, control_plane: ControlPlane, script: str
) -> None:
    headers = {"cookie": "session=1", "authorization": "Bearer mine", "x-mine": "1"}
    asking.visit(script, "/secret/path?a=1", "POST", content=b"body", headers=headers)
    ((path, sent),) = [asked for asked in control_plane.asked if asked[0].endswith(script)]
    assert path == f"/addresses/{script}"
    assert set(sent) <= {"host", "accept", "accept-encoding"}


@pytest.mark.slow
def test_a_silent_control_plane_costs_two_seconds_once(
    own_sandbox: Callable[..., Sandbox], control_plane: ControlPlane, script: str
) -> None:
    asking = own_sandbox(f"--control-plane-url={control_plane.url}")
    control_plane.silent.add(script)
    control_plane.told[script] = EXPIRED
    started = time.monotonic()
    assert asking.visit(script).status_code == 404
    assert 1.9 < time.monotonic() - started < 15
    started = time.monotonic()
    assert asking.visit(f"{script}-other").status_code == 404
    assert time.monotonic() - started < 1.9
    assert control_plane.count(f"{script}-other") == 0
    control_plane.end_of_silence.set()
    assert eventually(lambda: asking.visit(script).status_code == 410)


def test_scripts_do_not_reach_the_control_plane(asking: Sandbox, control_plane: ControlPlane) -> None:
    asking.upload(
        "curious0",
        f"""export default {{ async fetch() {{
            try {{ return await fetch("{control_plane.url}/addresses/curious0"); }}
            catch {{ return new Response("refused", {{ status: 403 }}); }}
        }} }};""",
    )
    assert asking.visit("curious0").status_code == 403
    assert control_plane.count("curious0") == 0


def test_without_a_control_plane_every_absent_script_is_unknown(sandbox: Sandbox, script: str) -> None:
    assert sandbox.visit(script, headers=JSON).json()["error"]["code"] == "app:not-found"


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://10.0.0.1:80", "http://127.0.0.1/x", "127.0.0.1:80"]
)
def test_a_control_plane_elsewhere_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--directory", "nowhere", "--control-plane-url", url])
    assert "expected http://127.0.0.1:PORT" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------ scripts of forks


@pytest.mark.parametrize("name", ["fork-pr7-abcd1234", "fork-0123456789-abcd1234"])
def test_a_script_of_a_fork_is_found_among_the_untrusted(sandbox: Sandbox, name: str) -> None:
    sandbox.upload(name, answering("from a fork"), UNTRUSTED)
    assert sandbox.visit(name).text == "from a fork"
    assert sandbox.visit_host(name).text == "from a fork"


def test_an_untrusted_script_is_found_under_no_other_name(sandbox: Sandbox) -> None:
    for name in ("preview-abcd9999", "abcd9999", "staging-abcd9999"):
        sandbox.upload(name, answering("from a fork"), UNTRUSTED)
        assert sandbox.visit(name).status_code == 404


# --------------------------------------------- what workerd does not show: limits, and Cloudflare's Cache API

PROGRAM = """
import dispatch from %(worker)s;
const asked = [];
const seen = { asked, status: [], kept: [] };
const kept = new Map();
if (%(hasCache)s) globalThis.caches = { default: {
  match: async (key) => kept.get(key)?.clone(),
  put: async (key, response) => {
    seen.kept.push([key, response.headers.get("cache-control")]);
    kept.set(key, response);
  },
} };
const absent = { fetch: async () => { throw new Error("Worker not found."); } };
const present = { fetch: async () => new Response("ok") };
const namespace = (binding) => ({
  get: (name, ...given) => {
    asked.push([binding, name, ...given]);
    return name.includes("absent") ? absent : present;
  },
});
const env = { APPS_DOMAIN: "apps.localhost", CONTROL_PLANE_URL: %(controlPlane)s };
for (const name of %(bindings)s) env[`NAMESPACE_${name}`] = namespace(name);
for (const script of %(scripts)s) {
  seen.status.push((await dispatch.fetch(new Request(`https://${script}.apps.localhost/`), env)).status);
}
console.log(JSON.stringify(seen));
"""
ALL = ("PRODUCTION", "STAGING", "PREVIEW", "UNTRUSTED")
Dispatch = Callable[..., dict[str, list[object]]]


@pytest.fixture
def dispatch(tmp_path: Path, control_plane: ControlPlane) -> Dispatch:
    """Return what asks a new dispatch worker for scripts, one by one, and tells what it did."""
    node = node_directory(tmp_path / "node") / "node"
    worker = ROOT / "dispatch_worker/src/dispatch.js"

    def ask(
        *scripts: str, bindings: tuple[str, ...] = ALL, has_cache: bool = False
    ) -> dict[str, list[object]]:
        program = tmp_path / "program.mjs"
        values = {"worker": str(worker), "hasCache": has_cache, "controlPlane": control_plane.url}
        given = {**values, "bindings": bindings, "scripts": scripts}
        program.write_text(PROGRAM % {name: json.dumps(value) for name, value in given.items()})
        done = subprocess.run([node, program], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return ask


def test_only_scripts_of_forks_have_limits(dispatch: Dispatch) -> None:
    told = dispatch("shop1234", "staging-shop1234", "preview-shop1234", "fork-pr7-shop1234")
    assert told["asked"] == [
        ["PRODUCTION", "shop1234", {}, {}],
        ["STAGING", "staging-shop1234", {}, {}],
        ["PREVIEW", "preview-shop1234", {}, {}],
        ["UNTRUSTED", "fork-pr7-shop1234", {}, {"limits": {"cpuMs": 50, "subRequests": 20}}],
    ]


def test_without_a_namespace_of_the_untrusted_forks_are_unknown(dispatch: Dispatch) -> None:
    told = dispatch("fork-pr7-shop1234", "shop1234", bindings=("PRODUCTION",))
    assert told["status"] == [404, 200]


def test_the_cache_api_keeps_an_answer_where_there_is_one(
    dispatch: Dispatch, control_plane: ControlPlane, script: str
) -> None:
    control_plane.told[script] = EXPIRED
    told = dispatch(script, script, has_cache=True)
    assert told["status"] == [410, 410]
    assert told["kept"] == [[f"{control_plane.url}/addresses/{script}", "max-age=30"]]
    assert control_plane.count(script) == 1


@pytest.mark.parametrize(
    "told", [b"<html>", b"", b"[]", b'{"state": 7}', b'"expired"', b"null", b'{"state": "exp'], ids=repr
)
def test_an_odd_answer_is_no_answer(
    dispatch: Dispatch, control_plane: ControlPlane, script: str, told: bytes
) -> None:
    control_plane.told[script] = told
    assert dispatch(script)["status"] == [404]
    assert control_plane.count(script) == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_after_a_refusal_nobody_is_asked_or_sent_on(
    dispatch: Dispatch, control_plane: ControlPlane, script: str, status: int
) -> None:
    control_plane.told |= {script: EXPIRED, "elsewhere": EXPIRED}
    control_plane.statuses[script] = status
    assert dispatch(script, script, f"{script}-other")["status"] == [404, 404, 404]
    assert [control_plane.count(it) for it in (script, f"{script}-other", "elsewhere")] == [1, 0, 0]
