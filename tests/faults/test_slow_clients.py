"""W7: clients that are slow, large or never end, while others deliver: memory, time, and who is alive."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import psutil
import pytest

from app.bootstrap.schema import upgrade_database
from tests.faults.figures import Figures, Form
from tests.faults.receivers import Receivers, a_push, deliver

HEAD = "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SIGNED = f"X-Hub-Signature-256: sha256={'a' * 64}\r\n"
SLOW_CLIENTS = 50
LATE_SECONDS = 20
MOST_BYTES = 50 * 1024 * 1024


@pytest.fixture
def receivers(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Receivers]:
    upgrade_database({"DATABASE_URL": migrated_sqlite_url})
    receivers = Receivers(migrated_sqlite_url, tmp_path / "web.log")
    try:
        receivers.start()
        yield receivers
    finally:
        receivers.stop()


@pytest.mark.slow
def test_others_are_served_whatever_slow_and_large_clients_do(
    receivers: Receivers, form: Form, figures: Figures
) -> None:
    number, is_over = form.pick(short=100, full=2000), Event()
    alone = _deliver_many(receivers.port, number)
    before, pids = _memory(receivers), {it.pid for it in receivers.workers()}
    with ThreadPoolExecutor(SLOW_CLIENTS + 8) as pool:
        attackers = [pool.submit(_trickle, receivers.port, kind % 2, is_over) for kind in range(SLOW_CLIENTS)]
        attackers += [pool.submit(_flood, receivers.port, is_over) for _ in range(4)]
        try:
            beside = _deliver_many(receivers.port, number)
            most = _memory(receivers)
        finally:
            is_over.set()
        for attacker in attackers:
            attacker.result(LATE_SECONDS * 2)
    assert {it.pid for it in receivers.workers()} == pids
    ratio, grown = _p99(beside) / _p99(alone), max(0, most - before)
    figures.tell("W7", "others' p99 beside 50 slow and 4 endless clients", f"{ratio:.1f} of that without")
    figures.tell("W7", "memory of two web processes", f"{grown / 1024 / 1024:.0f} MiB more")
    assert grown < MOST_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("kind", [0, 1], ids=["headers", "body"])
def test_who_trickles_is_let_go(receivers: Receivers, figures: Figures, kind: int) -> None:
    began_at = time.monotonic()
    _trickle(receivers.port, kind, Event())
    seconds = time.monotonic() - began_at
    figures.tell("W7", f"a client that trickles {('headers', 'a body')[kind]} is let go", f"{seconds:.1f} s")
    assert seconds < LATE_SECONDS


def test_what_is_too_large_is_refused_before_it_is_sent(receivers: Receivers) -> None:
    for length in (25 * 1024 * 1024 + 1, 5 * 1024**3):
        with socket.create_connection(("127.0.0.1", receivers.port), timeout=10) as client:
            client.sendall(f"{HEAD}{SIGNED}Content-Length: {length}\r\n\r\n".encode())
            assert client.recv(100).split()[1] == b"413"


def _trickle(port: int, kind: int, is_over: Event) -> None:
    """Send a byte twice a second, of headers or of a body, until the server has enough of it."""
    head = HEAD if kind == 0 else f"{HEAD}{SIGNED}Content-Length: 20000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head.encode())
        client.settimeout(0.5)
        while not is_over.is_set():
            try:
                client.sendall(b"x")
                client.recv(100)
            except TimeoutError:
                continue
            except OSError:
                pass
            return


def _flood(port: int, is_over: Event) -> None:
    """Send chunks without an end, again whenever it is refused."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    while not is_over.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(f"{HEAD}{SIGNED}Transfer-Encoding: chunked\r\n\r\n".encode())
                for _ in range(1000):
                    client.sendall(chunk)
        except OSError:
            is_over.wait(0.2)


def _deliver_many(port: int, number: int) -> list[float]:
    """Deliver from four senders; return the seconds that each answer took."""

    def one(index: int) -> float:
        guid, body = a_push(index)
        began_at = time.monotonic()
        status, _ = deliver(port, guid, body)
        assert status == 202
        return time.monotonic() - began_at

    with ThreadPoolExecutor(4) as senders:
        return list(senders.map(one, range(number)))


def _memory(receivers: Receivers) -> int:
    return sum(psutil.Process(it.pid).memory_info().rss for it in receivers.workers())


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99) - 1]
