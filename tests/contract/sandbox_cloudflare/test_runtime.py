"""The runtime under bad luck: restarts, kills, scripts that stall or eat everything, uploads under load."""

import signal
import threading
from collections.abc import Callable

import httpx
import psutil
import pytest

from tests.contract.sandbox_cloudflare.driver import PRODUCTION, Sandbox, answering, eventually, script_path

STALLS = """
export default {
  fetch(request) {
    if (request.url.endsWith("/stall")) while (true);
    return new Response("alive");
  }
};
"""
EATS_MEMORY = "const all = []; while (true) all.push(new Array(1e5).fill(Math.random()));"


def workerd_of(sandbox: Sandbox) -> psutil.Process:
    return psutil.Process(int((sandbox.directory / "run/workerd.pid").read_text()))


def answers(sandbox: Sandbox, script: str, text: str) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return sandbox.visit(script, timeout=10).text == text
        except httpx.HTTPError:
            return False

    return look


def test_a_restart_keeps_everything(own_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = own_sandbox()
    secret = [{"type": "secret_text", "name": "KEY", "text": "kept"}]
    sandbox.upload(
        "keeper", "export default { fetch: (_, env) => new Response(env.KEY) };", bindings=secret, tags=["t"]
    )
    assert sandbox.stop() == 0
    sandbox.start()
    assert sandbox.visit("keeper").text == "kept"
    assert sandbox.result("GET", script_path("keeper") + "/tags") == ["t"]


def test_kill_9_keeps_what_was_acknowledged(own_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = own_sandbox()
    for number in range(3):
        sandbox.upload("killed", answering(f"version {number}"))
    orphan = workerd_of(sandbox)
    sandbox.stop(signal.SIGKILL)
    sandbox.start()
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert sandbox.visit("killed").text == "version 2"


def test_two_processes_never_share_a_directory(own_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = own_sandbox()
    second = Sandbox(sandbox.directory)
    try:
        second.start()
    except AssertionError:
        assert second.process.wait(60) != 0
        second.stop()
    else:
        raise AssertionError("the second process started")


def test_a_killed_workerd_is_replaced(own_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = own_sandbox()
    sandbox.upload("survives", answering("here"))
    workerd_of(sandbox).kill()
    eventually(answers(sandbox, "survives", "here"))


@pytest.mark.slow
def test_a_script_that_stalls_costs_only_a_restart(own_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = own_sandbox("--stall-seconds=2")
    sandbox.upload("innocent", answering("here"))
    sandbox.upload("stalls", STALLS)
    before = workerd_of(sandbox).pid
    with pytest.raises(httpx.HTTPError):
        sandbox.visit("stalls", "/stall", timeout=20)
    eventually(answers(sandbox, "innocent", "here"))
    assert workerd_of(sandbox).pid != before
    eventually(answers(sandbox, "stalls", "alive"))
    refused = sandbox.put("stalls", "while (true);")
    assert "startup exceeded CPU time" in refused.json()["errors"][0]["message"]
    eventually(answers(sandbox, "stalls", "alive"))


def test_a_script_that_eats_all_memory_costs_only_a_restart(own_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = own_sandbox()
    sandbox.upload("innocent", answering("here"))
    sandbox.upload("hungry", f"export default {{ fetch() {{ {EATS_MEMORY} }} }};")
    with pytest.raises(httpx.HTTPError):
        sandbox.visit("hungry")
    eventually(answers(sandbox, "innocent", "here"))
    refused = sandbox.put("innocent", EATS_MEMORY)
    assert "startup exceeded memory" in refused.json()["errors"][0]["message"]
    eventually(answers(sandbox, "innocent", "here"))


def test_an_old_version_never_answers_after_the_upload_was_acknowledged(sandbox: Sandbox) -> None:
    sandbox.upload("replaced", answering("0"))
    acknowledged = 0
    stale: list[tuple[int, str]] = []
    done = threading.Event()

    def visit() -> None:
        with httpx.Client(timeout=60, trust_env=False) as visitor:
            while not done.is_set():
                least = acknowledged
                text = visitor.get(f"{sandbox.dispatch_url}/app/replaced/").text
                if int(text) < least:
                    stale.append((least, text))

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    try:
        for number in range(1, 26):
            sandbox.upload("replaced", answering(str(number)))
            acknowledged = number
            assert sandbox.visit("replaced").text == str(number)
    finally:
        done.set()
        for visitor in visitors:
            visitor.join()
    assert stale == []
    kept = list((sandbox.directory / f"namespaces/{PRODUCTION}/scripts/replaced/versions").iterdir())
    assert len(kept) == 2


def test_a_request_under_way_finishes_on_the_version_it_began_with(sandbox: Sandbox) -> None:
    slow = "export default { async fetch() { await scheduler.wait(400); return new Response('old'); } };"
    sandbox.upload("slowswap", slow)
    answered: list[str] = []
    visitor = threading.Thread(target=lambda: answered.append(sandbox.visit("slowswap").text))
    visitor.start()
    sandbox.upload("slowswap", answering("new"))
    assert sandbox.visit("slowswap").text == "new"
    visitor.join()
    assert answered in (["old"], ["new"])


def test_scripts_reach_nothing_on_this_machine(sandbox: Sandbox) -> None:
    code = """
    export default {
      async fetch() {
        try { return await fetch("%s/"); } catch { return new Response("refused", { status: 403 }); }
      }
    };
    """
    sandbox.upload("outward", code % sandbox.url)
    assert sandbox.visit("outward").status_code in (403, 502)


def test_the_directory_is_for_its_owner_alone(sandbox: Sandbox) -> None:
    assert sandbox.directory.stat().st_mode & 0o077 == 0
    credentials = sandbox.directory / "credentials.json"
    assert credentials.stat().st_mode & 0o077 == 0


def test_only_workerd_may_report(sandbox: Sandbox) -> None:
    response = sandbox.http.post(sandbox.url + "/internal/invocations", json={})
    assert response.status_code == 401


@pytest.mark.parametrize("path", ["/", "/logs/test-production/noisy"])
def test_a_web_site_whose_name_leads_here_gets_nothing(sandbox: Sandbox, path: str) -> None:
    for host, expected in {"evil.example:1234": 400, "localhost:1234": 200}.items():
        answer = sandbox.http.get(sandbox.url + path, headers={"host": host})
        assert answer.status_code == expected
