"""The bundle store in a bucket: who may use it, what is damaged, and a server that is away."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import obstore
import pytest
from obstore.store import S3Store

from app.bundles.bucket import BucketBundles
from app.errors import RemoteForbidden, RemoteMissing, RemoteRefused, RemoteUnavailable
from app.settings import BucketSettings, Secret
from tests.s3 import S3Server

NAME = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_content_lies_below_the_prefix(s3: S3Server) -> None:
    settings = s3.bucket("below/prefix")
    BucketBundles(settings).write([b"hello"])
    whole = S3Store(
        settings.name,
        endpoint=settings.endpoint,
        access_key_id=settings.access_key_id,
        secret_access_key=settings.secret_access_key.reveal(),
        client_options={"allow_http": True},
    )
    keys = [it["path"] for page in obstore.list(whole, prefix="below") for it in page]
    assert keys == [f"below/prefix/blobs/{NAME}"]


def test_a_wrong_key_is_forbidden(s3: S3Server) -> None:
    bundles = BucketBundles(s3.bucket("forbidden", secret="wrong"))
    for ask in (bundles.has, bundles.open, bundles.load):
        with pytest.raises(RemoteForbidden, match="the bucket does not let us"):
            ask(NAME)
    with pytest.raises(RemoteForbidden) as refused:
        bundles.write([b"hello"])
    assert "wrong" not in str(refused.value)


def test_damage_is_noticed(s3: S3Server) -> None:
    bundles = BucketBundles(s3.bucket("damaged"))
    name, _ = bundles.write([b"hello"])
    obstore.put(bundles._store, f"blobs/{name}", b"hellO")
    with bundles.open(name) as kept, pytest.raises(RemoteRefused, match="it is damaged"):
        kept.read()


def test_what_is_not_ours_stays(s3: S3Server) -> None:
    bundles = BucketBundles(s3.bucket("shared"))
    obstore.put(bundles._store, "blobs/readme.txt", b"not ours")
    assert bundles.prune(lambda _: False, datetime.now(UTC) + timedelta(hours=1)) == 0


def test_a_server_that_is_away_is_unavailable() -> None:
    settings = BucketSettings("bundles", "", "http://127.0.0.1:9", "us-east-1", "key", Secret("canary"))
    bundles = BucketBundles(settings)
    with pytest.raises(RemoteUnavailable, match=r"^looking for .* in the bundle store: ") as refused:
        bundles.has(NAME)
    assert "canary" not in str(refused.value)
    with pytest.raises(RemoteUnavailable):
        bundles.write([b"hello"])


class Answering(BaseHTTPRequestHandler):
    """Refuses everything with `status`."""

    status: ClassVar[int]

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def refusing() -> Iterator[BucketSettings]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        yield BucketSettings("bundles", "", endpoint, "us-east-1", "key", Secret("secret"))
        server.shutdown()


@pytest.mark.parametrize(("status", "expected"), [(404, RemoteMissing), (503, RemoteUnavailable)])
def test_a_refusal_says_who_can_help(
    refusing: BucketSettings, status: int, expected: type[Exception]
) -> None:
    Answering.status = status
    with pytest.raises(expected, match=r"^keeping .* in the bundle store: "):
        BucketBundles(refusing).write([b"hello"])
