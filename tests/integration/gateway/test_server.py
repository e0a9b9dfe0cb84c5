"""The gateway under gunicorn: senders who dawdle, hang up or never end, and what a large file costs."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.integration.gateway.world import (
    ACCOUNT,
    CODE,
    FORM,
    JAVASCRIPT,
    METADATA,
    World,
    form,
    name_of,
)

ROOT = Path(__file__).parents[3]
BODY_SECONDS = 1.5
MEBIBYTE = 1024 * 1024
SCRIPT = form([("metadata", json.dumps(METADATA).encode(), None), ("index.js", CODE, JAVASCRIPT)])


@dataclass
class Server:
    """A running gunicorn, and the grant for what it serves."""

    port: int
    pid: int
    world: World

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/accounts/{ACCOUNT}/workers"

    def client(self) -> httpx.Client:
        return httpx.Client(headers=self.world.grant(), timeout=60, trust_env=False)

    def put(self, client: httpx.Client) -> httpx.Response:
        return client.put(self.base + self.world.script_path, content=SCRIPT, headers=FORM)

    def opened(self, length: str, path: str = "", headers: Mapping[str, str] | None = None) -> socket.socket:
        """Begin to put a script up, or something else; the body is the caller's to send."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        method = "POST" if path else "PUT"
        target = path or self.base + self.world.script_path
        given = headers or {**self.world.grant(), **FORM}
        lines = [f"{method} {target} HTTP/1.1", "Host: x", length]
        lines += [f"{name}: {value}" for name, value in given.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection

    def peak_bytes(self) -> int:
        """Return the most memory that the process ever held."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        assert found
        return int(found[1]) * 1024


@pytest.fixture
def body_seconds() -> float:
    """By when a body has to be there."""
    return BODY_SECONDS


@pytest.fixture
def server(tmp_path: Path, body_seconds: float) -> Iterator[Server]:
    options = ["--workers=1", "--threads=8", "--worker-class=gthread", "--no-control-socket"]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", *options, f"--bind=fd://{listening.fileno()}"]
        process = subprocess.Popen(
            [*command, "tests.integration.gateway.served:application()"],
            cwd=ROOT,
            env={**os.environ, "BUNDLES": str(tmp_path / "bundles"), "BODY_SECONDS": str(body_seconds)},
            pass_fds=[listening.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
    assert process.stderr
    worker = next(
        found for line in process.stderr if (found := re.search(r"Booting worker with pid: (\d+)", line))
    )
    drain = threading.Thread(target=process.stderr.read)
    drain.start()
    try:
        yield Server(port, int(worker[1]), World())
    finally:
        process.terminate()
        process.wait(20)
        drain.join(20)
        process.stderr.close()


def status_of(connection: socket.socket) -> int:
    """Return the status of the answer that comes on a connection."""
    return int(connection.recv(12).split()[1])


def test_a_body_that_trickles_is_cut_off_in_time(server: Server) -> None:
    begun = time.monotonic()
    with server.opened("Content-Length: 5000") as connection:
        sending = threading.Thread(target=trickle, args=(connection,))
        sending.start()
        assert status_of(connection) == 408
        assert BODY_SECONDS <= time.monotonic() - begun < BODY_SECONDS + 30
    sending.join(60)
    with server.client() as client:
        assert server.put(client).status_code == 200


def trickle(connection: socket.socket) -> None:
    """Send a byte from time to time until nobody takes it any more."""
    try:
        for byte in SCRIPT:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)
    except OSError:
        pass


@pytest.mark.parametrize("header", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
def test_a_sender_who_falls_silent_is_cut_off_in_time(server: Server, header: str) -> None:
    with server.opened(header) as connection:
        assert status_of(connection) == 408
    with server.client() as client:
        assert server.put(client).status_code == 200


def test_a_sender_who_hangs_up_leaves_the_way_free(server: Server) -> None:
    for size in (0, 10, len(SCRIPT) - 2):
        with server.opened(f"Content-Length: {len(SCRIPT)}") as connection:
            connection.sendall(SCRIPT[:size])
    with server.client() as client:
        answers = [server.put(client).status_code]
        deadline = time.monotonic() + 60
        while answers[-1] != 200:  # until the server noticed
            assert time.monotonic() < deadline, answers
            answers.append(server.put(client).status_code)
    assert set(answers) <= {200, 409}


@pytest.mark.parametrize(
    "chunk", [b"nonsense\r\n", b"-5\r\n", b"ffffffffffffffff\r\nx", b"5\r\nabcdefgh\r\n"]
)
def test_chunks_that_are_none(server: Server, chunk: bytes) -> None:
    with server.opened("Transfer-Encoding: chunked") as connection:
        connection.sendall(chunk)
        assert status_of(connection) in {400, 408}
    with server.client() as client:
        assert server.put(client).status_code == 200


def test_a_body_without_an_end_is_refused(server: Server) -> None:
    with server.client() as client:
        assert server.put(client).status_code == 200  # so that the code is loaded
    before = server.peak_bytes()
    part = (
        b"--"
        + FORM["Content-Type"].partition("=")[2].encode()
        + (b'\r\nContent-Disposition: form-data; name="index.js"\r\nContent-Type: text/plain\r\n\r\n')
    )
    with server.opened("Transfer-Encoding: chunked") as connection:
        sending = threading.Thread(target=flood, args=(connection, part))
        sending.start()
        assert status_of(connection) in {408, 413}
    sending.join(20)
    assert server.peak_bytes() - before < 50 * MEBIBYTE


def flood(connection: socket.socket, head: bytes) -> None:
    """Send chunks until the server has enough."""
    try:
        connection.sendall(b"%x\r\n%s\r\n" % (len(head), head))
        while True:
            connection.sendall(b"%x\r\n%s\r\n" % (MEBIBYTE, b"x" * MEBIBYTE))
    except OSError:
        pass


@pytest.mark.parametrize("body_seconds", [5.0])  # so that all four are there at once
def test_uploads_leave_threads_for_others(server: Server) -> None:
    """One deployment has three uploads under way at most; the fourth is told to come again, others pass."""
    with server.client() as client, ExitStack() as stack:
        session = f"{server.base}{server.world.script_path}/assets-upload-session"
        opened = client.post(session, json={"manifest": {"/a": {"hash": "0" * 32, "size": 9}}})
        upload = f"{server.base}/assets/upload?base64=true"
        headers = {**FORM, "Authorization": f"Bearer {opened.json()['result']['jwt']}"}
        silent = [server.opened("Content-Length: 5000", path=upload, headers=headers) for _ in range(4)]
        held = [stack.enter_context(connection) for connection in silent]
        assert client.get(server.base + server.world.script_path).status_code == 200
        assert sorted(status_of(connection) for connection in held) == [408, 408, 408, 429]
        assert client.post(upload, content=b"", headers=headers).status_code == 400


@pytest.mark.parametrize("body_seconds", [60.0])
def test_a_file_of_25_mebibytes_is_never_whole_in_memory(server: Server) -> None:
    content = os.urandom(25 * MEBIBYTE)
    with server.client() as client:
        session = f"{server.base}{server.world.script_path}/assets-upload-session"
        announced = {"manifest": {"/big.bin": {"hash": name_of(content), "size": len(content)}}}
        token = client.post(session, json=announced).json()["result"]["jwt"]
        assert server.put(client).status_code == 200  # what is loaded once is loaded
        before = server.peak_bytes()
        body = form([(name_of(content), base64.b64encode(content), "application/octet-stream")])
        answer = client.post(
            f"{server.base}/assets/upload?base64=true",
            content=body,
            headers={**FORM, "Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 201, answer.text
    assert server.peak_bytes() - before < 20 * MEBIBYTE
