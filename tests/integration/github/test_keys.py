"""The issuer's keys over HTTP: fetched seldom, kept through outages, and waited for by nobody for long."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from jwt import PyJWKClient

from app.errors import RateLimited
from app.github import keys as module
from app.github.keys import COOLDOWN_SECONDS, LIFESPAN_SECONDS, SigningKeys
from tests.issuer import KEY_NAME, public_jwk

TROUBLES: dict[str | None, tuple[int, bytes]] = {
    "500": (500, b"{}"),
    "redirect": (302, b""),
    "garbage": (200, b"<html>"),
    "no keys": (200, b'{"keys": []}'),
    "a list": (200, b"[]"),
    "deep": (200, b"[" * 100_000),
}


class Issuer(ThreadingHTTPServer):
    """Publishes keys at its JWKS address, or does what `trouble` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/_services/token"
        self.keys = [public_jwk()]
        self.trouble: str | None = None
        self.asked: list[str] = []
        self.released = threading.Event()

    def answer(self) -> tuple[int, bytes]:
        if self.trouble == "silence":
            self.released.wait(60)
        return TROUBLES.get(self.trouble, (200, json.dumps({"keys": self.keys}).encode()))


class Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.answer()
        self.send_response(status)
        self.send_header("location", f"{self.server.url}/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    server = Issuer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a look take as long as a busy machine needs for it."""
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 30)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> SigningKeys:
    client = PyJWKClient(f"{issuer.url}/.well-known/jwks", cache_jwk_set=False, timeout=30)
    return SigningKeys(client, clock=clock)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition never came true"
        time.sleep(0.01)


def is_known(keys: SigningKeys, name: str) -> bool:
    try:
        return keys.find(name) is not None
    except RateLimited:
        return False


def test_keys_are_asked_for_with_the_first_token(issuer: Issuer) -> None:
    keys = SigningKeys.of_issuer(issuer.url)
    assert issuer.asked == []
    assert [keys.find(KEY_NAME) is not None for _ in range(100)] == [True] * 100
    assert issuer.asked == ["/_services/token/.well-known/jwks"]


def test_an_unknown_key_is_asked_for_once_in_a_while(issuer: Issuer, clock: Clock, keys: SigningKeys) -> None:
    assert keys.find("zzz") is None
    for _ in range(500):
        with pytest.raises(RateLimited):
            keys.find("zzz")
    assert len(issuer.asked) == 1
    clock.now += COOLDOWN_SECONDS
    assert keys.find("zzz") is None
    assert len(issuer.asked) == 2


def test_a_rotated_key_is_found_with_its_first_token(issuer: Issuer, clock: Clock, keys: SigningKeys) -> None:
    keys.find(KEY_NAME)
    issuer.keys = [public_jwk("next", "key-2")]
    assert keys.find(KEY_NAME) is not None
    clock.now += COOLDOWN_SECONDS
    assert keys.find("key-2") is not None
    with pytest.raises(RateLimited):
        keys.find(KEY_NAME)


def test_a_withdrawn_key_goes_when_its_time_is_over(issuer: Issuer, clock: Clock, keys: SigningKeys) -> None:
    keys.find(KEY_NAME)
    issuer.keys = [public_jwk("next", "key-2")]
    clock.now += LIFESPAN_SECONDS + 1
    keys.find(KEY_NAME)
    wait_until(lambda: not is_known(keys, KEY_NAME))
    assert keys.find("key-2") is not None
    assert len(issuer.asked) == 2


@pytest.mark.parametrize("trouble", sorted(map(str, TROUBLES)))
def test_an_outage_keeps_the_last_good_keys(
    issuer: Issuer, clock: Clock, keys: SigningKeys, trouble: str
) -> None:
    keys.find(KEY_NAME)
    issuer.trouble = trouble
    for _ in range(10):
        clock.now += LIFESPAN_SECONDS + 1
        assert keys.find(KEY_NAME) is not None
    wait_until(lambda: len(issuer.asked) > 1)
    assert set(issuer.asked) == {"/_services/token/.well-known/jwks"}
    issuer.trouble = None
    issuer.keys.append(public_jwk("next", "key-2"))
    clock.now += COOLDOWN_SECONDS
    wait_until(lambda: is_known(keys, "key-2"))


def test_an_outage_from_the_start_is_asked_about_once_in_a_while(
    issuer: Issuer, clock: Clock, keys: SigningKeys
) -> None:
    issuer.trouble = "500"
    for _ in range(100):
        with pytest.raises(RateLimited, match="GitHub cannot be asked"):
            keys.find(KEY_NAME)
    assert len(issuer.asked) == 1
    issuer.trouble = None
    clock.now += COOLDOWN_SECONDS
    assert keys.find(KEY_NAME) is not None


def test_nobody_queues_up_behind_a_silent_issuer(
    issuer: Issuer, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 1)
    issuer.trouble = "silence"
    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: is_known(keys, f"key-{number}"), range(8)))
    assert found == [False] * 8
    assert time.monotonic() - began < 6  # eight, if each waited for its turn
    wait_until(lambda: issuer.asked != [])
    assert len(issuer.asked) == 1


def test_known_keys_are_not_waited_for(issuer: Issuer, clock: Clock, keys: SigningKeys) -> None:
    keys.find(KEY_NAME)
    issuer.trouble = "silence"
    clock.now += LIFESPAN_SECONDS + 1
    began = time.monotonic()
    assert [keys.find(KEY_NAME) is not None for _ in range(1000)] == [True] * 1000
    assert time.monotonic() - began < 20
    assert len(issuer.asked) <= 2


def test_a_silence_ends(
    issuer: Issuer, clock: Clock, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.trouble = "silence"
    with monkeypatch.context() as impatient:
        impatient.setattr(module, "_PATIENCE_SECONDS", 1)
        assert not is_known(keys, KEY_NAME)
    issuer.trouble = None
    clock.now += COOLDOWN_SECONDS
    assert keys.find(KEY_NAME) is not None


def test_a_key_of_another_kind_opens_nothing(issuer: Issuer, keys: SigningKeys) -> None:
    issuer.keys.append({"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"})
    found = keys.find("shared")
    assert found is None or found.algorithm_name != "RS256"
