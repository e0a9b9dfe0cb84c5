"""`branchline serve` with functions that take their time: a real server between a client and a worker."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from app.bootstrap.schema import upgrade_database
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.web.invoking import WRITE_SECONDS
from tests.builders import NOON, a_deployment, a_version, a_worker, an_app
from tests.contract.sandbox_cloudflare.driver import eventually
from tests.integration.dispatch.upstream import EVENTS, RESULT, answer, log, until_closed, upstream
from tests.integration.test_serve import SETTINGS, Server, serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from app.domain.workers import Calls

HEADERS = {"Authorization": f"Bearer {SETTINGS['BRANCHLINE_API_TOKEN']}"}
MOST = 12
ANSWER = answer(
    json.dumps({"success": True, "result": 1, "logs": [], "duration": 1, "function": "x"}).encode()
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    url = f"sqlite:///{tmp_path / 'branchline.sqlite'}"
    given = {**SETTINGS, "DATABASE_URL": url, "BRANCHLINE_INVOCATIONS": str(MOST)}
    upgrade_database(given)
    with records(given).begin() as tx:
        version = a_version()
        tx.workers.add(a_worker(version_id=version.id))
        tx.versions.add(version)
        tx.apps.add(an_app())
        tx.deployments.add(a_deployment(own_script="production-1-slug0001", uploaded_at=NOON))
    return given


def records(environ: dict[str, str]) -> SqlRecords:
    return SqlRecords(create_engine(environ["DATABASE_URL"]), lambda _session, _job: None, lambda: NOON)


def counted(environ: dict[str, str]) -> dict[str, Calls]:
    """Return what is written down, by function."""
    with records(environ).read() as tx:
        return dict(tx.calls.of(["wrk_0001"]).get("wrk_0001", {}))


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(headers=HEADERS, timeout=60, trust_env=False) as made:
        yield made


def url_of(server: Server, path: str, owner: str = "workers/worker-1") -> str:
    return f"http://127.0.0.1:{server.port}/api/{owner}/{path}"


class Streams:
    """A worker that says one line to everybody, and ends when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(EVENTS + log("first"))
        self.go_on.wait(60)
        connection.sendall(log("last") + RESULT)


@pytest.mark.parametrize("owner", ["workers/worker-1", "deployments/dpl_0001_1"])
def test_events_come_as_they_are_written_and_others_are_served_meanwhile(
    environ: dict[str, str], tmp_path: Path, client: httpx.Client, owner: str
) -> None:
    script = Streams()
    with (
        upstream(script) as worker,
        serving({**environ, "WFP_DISPATCH_DOMAIN": worker.origin}, tmp_path / "log", "--no-jobs") as server,
        httpx.Client(headers=HEADERS, timeout=60, trust_env=False) as other,
    ):
        open_ones = [client.send(_request(client, server, owner), stream=True) for _ in range(MOST)]
        lines = [response.iter_lines() for response in open_ones]
        for some in lines:
            while "first" not in next(some):
                pass
        refused = other.post(url_of(server, "invoke/hello", owner))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "request:overloaded")
        for _ in range(20):
            assert other.get(f"http://127.0.0.1:{server.port}/readyz").status_code == 200
        script.go_on.set()
        for some in lines:
            left = "\n".join(some)
            assert "last" in left
            assert "event: result" in left
        if owner.startswith("workers/"):
            eventually(lambda: (calls := counted(environ).get("hello")) and calls.invocations == MOST)


def _request(client: httpx.Client, server: Server, owner: str = "workers/worker-1") -> httpx.Request:
    return client.build_request("POST", url_of(server, "invoke/hello", owner))


def test_a_process_that_ends_cuts_streams_at_once_and_writes_down_what_it_counted(
    environ: dict[str, str], tmp_path: Path, client: httpx.Client
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(EVENTS + log("first"))
        until_closed(connection)

    with (
        upstream(serve) as worker,
        serving({**environ, "WFP_DISPATCH_DOMAIN": worker.origin}, tmp_path / "log", "--no-jobs") as server,
    ):
        response = client.send(_request(client, server), stream=True)
        lines = response.iter_lines()
        while "first" not in next(lines):
            pass
        began = time.monotonic()
        server.process.terminate()
        assert "event: result" not in "\n".join(lines)
        assert time.monotonic() - began < 9  # it would wait ten seconds for a call that goes on
        assert server.process.wait(60) == 0
    assert counted(environ)["hello"].failures == 1
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_calls_are_counted_when_a_process_ends_before_it_wrote_them_down(
    environ: dict[str, str], tmp_path: Path, client: httpx.Client
) -> None:
    with (
        upstream(lambda connection: connection.sendall(ANSWER)) as worker,
        serving({**environ, "WFP_DISPATCH_DOMAIN": worker.origin}, tmp_path / "log", "--no-jobs") as server,
    ):
        began = time.monotonic()
        for _ in range(3):
            assert client.post(url_of(server, "functions/hello"), json=1).json()["result"] == 1
        # A machine that is so slow wrote some of them down already.
        assert counted(environ) == {} or time.monotonic() - began > WRITE_SECONDS
    assert counted(environ)["hello"].invocations == 3


def test_a_reader_that_was_cut_off_goes_on(
    environ: dict[str, str], tmp_path: Path, client: httpx.Client
) -> None:
    script = Streams()
    with (
        upstream(script) as worker,
        serving({**environ, "WFP_DISPATCH_DOMAIN": worker.origin}, tmp_path / "log", "--no-jobs") as server,
    ):
        response = client.send(_request(client, server), stream=True)
        lines = response.iter_lines()
        while "first" not in next(lines):
            pass
        invocation = response.headers["Invocation-Id"]
        response.close()
        script.go_on.set()
        left = client.get(
            url_of(server, f"invocations/{invocation}/events"), headers={"Last-Event-ID": f"{invocation}:1"}
        ).text
    assert [line for line in left.splitlines() if line.startswith("id: ")] == [
        f"id: {invocation}:2",
        f"id: {invocation}:3",
    ]
