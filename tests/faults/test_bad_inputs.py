"""W6: bad inputs over a real connection: none is accepted, none is answered 5xx, no process ends."""

import hashlib
import hmac
import json
import random
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bootstrap.schema import upgrade_database
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.deliveries import DeliveryStatus
from tests.fakes.clock import FakeClock
from tests.faults.figures import Figures, Form
from tests.faults.receivers import SECRET, SETTINGS, Receivers, a_push, deliver, working_off
from tests.integration.jobs.world import until

BODY = b'{"ref": "refs/heads/main"}'
UNREADABLE = (
    b"{}{}",
    b'{"a": "\xff"}',
    b'{"a":' * 1000 + b"1" + b"}" * 1000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"a": ' + b"1" * 5000 + b"}",
    b'{"repository": 1e400}',
    b'{"repository": NaN}',
    b'{"repository": "\\ud800"}',
    b'{"repository": 1, "repository": {"id": 1}}',
    b"\xef\xbb\xbf{}",
    b'{"repository": null}',
)


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def hostile(number: int) -> Iterator[bytes]:
    """Yield whole requests of which none may be accepted, and then as many mutations."""
    good = signed(BODY).encode()
    digest = good.removeprefix(b"sha256=")
    signatures = [
        None,
        b"",
        b"sha256=",
        b"sha1=" + digest,
        b"sha256=" + digest.upper(),
        b"SHA256=" + digest,
        good[:-1],
        good + b"0",
        good + b"," + good,
        b"sha256=" + b"\xe9" * 64,
        b"sha256=" + b"\x00" * 64,
        signed(BODY, "").encode(),
        signed(BODY, "  ").encode(),
        signed(BODY + b" ").encode(),
    ]
    for signature in signatures:
        yield request(BODY, [] if signature is None else [(b"X-Hub-Signature-256", signature)])
    yield request(BODY, [(b"X-Hub-Signature-256", good), (b"X-Hub-Signature-256", good)])
    yield request(BODY, [(b"X-Hub-Signature", good)])
    for body in (b"", b"[]", b"null", b"payload=%7B%7D", b"\0"):
        yield request(body, [(b"X-Hub-Signature-256", signed(body).encode())])
    chance = random.Random(1)  # noqa: S311 - the same in every run
    whole = request(BODY, [(b"X-Hub-Signature-256", signed(BODY + b"x").encode())])
    for _ in range(number):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        yield bytes(changed)


def request(body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [
        b"POST /webhooks/github HTTP/1.1",
        b"Host: x",
        b"Connection: close",
        b"Content-Type: application/json",
        b"X-GitHub-Event: push",
        b"X-GitHub-Delivery: hostile",
        b"Content-Length: " + str(len(body)).encode(),
        *(name + b": " + value for name, value in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer(port: int, raw: bytes) -> int:
    """Return the status; 0 when the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        try:
            client.sendall(raw)
            client.shutdown(socket.SHUT_WR)
            said = client.recv(100).split()
        except OSError:
            return 0
    return int(said[1]) if len(said) > 1 and said[1].isdigit() else 0


@pytest.fixture
def receivers(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Receivers]:
    upgrade_database({"DATABASE_URL": migrated_sqlite_url})
    receivers = Receivers(migrated_sqlite_url, tmp_path / "web.log")
    try:
        receivers.start()
        yield receivers
    finally:
        receivers.stop()


def test_nothing_bad_is_accepted_and_nothing_breaks(
    receivers: Receivers, form: Form, figures: Figures
) -> None:
    pids = {it.pid for it in receivers.workers()}
    statuses = Counter(answer(receivers.port, raw) for raw in hostile(form.pick(short=300, full=20_000)))
    broken = sum(number for status, number in statuses.items() if status >= 500)
    died = len(pids - {it.pid for it in receivers.workers()})
    figures.tell(
        "W6", "accepted / 5xx / crashes", f"{statuses[202]}/{broken}/{died} of {statuses.total()} inputs"
    )
    assert (statuses[202], broken, died) == (0, 0, 0), statuses
    assert deliver(receivers.port, *a_push(1))[0] == 202


def test_what_is_signed_and_cannot_be_read_holds_nobody_up(receivers: Receivers, figures: Figures) -> None:
    canary = "canary-encoded-secret"
    for number, body in enumerate(UNREADABLE):
        status, _ = deliver(receivers.port, f"odd-{number}", body, **{"X-GitHub-Encoded-Secret": canary})
        assert status == 202
    assert deliver(receivers.port, *a_push(1, guid="good"))[0] == 202
    engine = create_engine(receivers.database_url)
    records = SqlRecords(engine, lambda _session, _job: None, FakeClock())

    def statuses() -> Counter[DeliveryStatus]:
        with records.read() as tx:
            return Counter(it.status for it in tx.deliveries.list().items)

    with working_off(receivers):
        until(lambda: statuses() == {DeliveryStatus.IGNORED: len(UNREADABLE) + 1}, saying=statuses)
    with records.read() as tx:
        kept = [tx.deliveries.get(it.guid) for it in tx.deliveries.list().items]
    engine.dispose()
    held = json.dumps([dict(it.headers) for it in kept]) + receivers.log.read_text()
    assert canary not in held
    assert not any(secret in held for secret in (SECRET, SETTINGS["GITHUB_TOKEN"]))
    figures.tell("W6", "signed and unreadable", f"{len(UNREADABLE)} kept and ignored, the next worked off")
