"""The dispatch worker on a real workerd: what reaches a script, what comes back, what a visitor is told."""

import base64
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.contract.sandbox_cloudflare.driver import PREVIEW, PRODUCTION, STAGING, Sandbox, answering

ECHO = """
const COOKIES = [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["server", "mine"]];
const routes = {
  "/body": (request) =>
    new Response(request.body, { headers: { "x-length": request.headers.get("content-length") ?? "" } }),
  "/throws": () => { throw new Error("on purpose"); },
  "/breaks": () => new Response(new ReadableStream({
    async pull(controller) {
      if (!this.sent) return void controller.enqueue(this.sent = new TextEncoder().encode("first"));
      await scheduler.wait(50);
      throw new Error("in the middle");
    } })),
  "/events": (request) => {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    (async () => {
      for (let n = 0; n < 3; n++) {
        await writer.write(new TextEncoder().encode(`data: ${n}\\n\\n`));
        await scheduler.wait(500);
      }
      await writer.close();
    })();
    return new Response(readable, { headers: { "content-type": "text/event-stream" } });
  },
  "/socket": () => {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", (event) => server.send("echo " + event.data));
    return new Response(null, { status: 101, webSocket: client });
  },
  "/status": () => new Response("short and stout", { status: 418, headers: COOKIES }),
  "/moved": () => new Response(null, { status: 302, headers: { location: "/elsewhere" } }),
};
export default {
  fetch(request) {
    const url = new URL(request.url);
    const route = routes[url.pathname];
    if (route) return route(request);
    return Response.json({
      method: request.method,
      path: url.pathname,
      search: url.search,
      headers: Object.fromEntries(request.headers),
    });
  },
};
"""


@pytest.fixture(scope="module")
def echo(sandbox: Sandbox) -> str:
    sandbox.upload("echoecho", ECHO)
    return "echoecho"


@pytest.mark.parametrize(
    ("script", "namespace"),
    [
        ("abcd1234", PRODUCTION),
        ("production-x1-abcd1234", PRODUCTION),
        ("staging-abcd1234", STAGING),
        ("preview-abcd1234", PREVIEW),
        ("preview-pr7-abcd1234", PREVIEW),
    ],
)
def test_a_script_is_found_in_the_namespace_of_its_name(
    sandbox: Sandbox, script: str, namespace: str
) -> None:
    sandbox.upload(script, answering(namespace), namespace)
    assert sandbox.visit(script).text == namespace
    assert sandbox.visit_host(script).text == namespace


def test_a_script_in_another_namespace_than_its_name_says_is_not_found(sandbox: Sandbox) -> None:
    sandbox.upload("wrongplace", answering("hidden"), PREVIEW)
    assert sandbox.visit("wrongplace").status_code == 404


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a%2Fb%20c", "/a%2Fb%20c"),
        ("//double//slashes", "//double//slashes"),
        ("/app/other/", "/app/other/"),
        ("/%C3%BC", "/%C3%BC"),
    ],
)
def test_only_our_prefix_is_taken_from_the_path(sandbox: Sandbox, echo: str, sent: str, seen: str) -> None:
    for response in (sandbox.visit(echo, sent), sandbox.visit_host(echo, sent)):
        assert response.json()["path"] == seen


def test_the_query_string_is_untouched(sandbox: Sandbox, echo: str) -> None:
    query = "?a=1&a=2&b=%20+&c="
    assert sandbox.visit(echo, "/" + query).json()["search"] == query
    assert sandbox.visit_host(echo, "/" + query).json()["search"] == query


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method_is_untouched(sandbox: Sandbox, echo: str, method: str) -> None:
    assert sandbox.visit(echo, "/x", method).json()["method"] == method


def test_head_is_answered_by_the_script(sandbox: Sandbox, echo: str) -> None:
    response = sandbox.visit(echo, "/status", "HEAD")
    assert (response.status_code, response.content) == (418, b"")


@pytest.mark.parametrize(
    "host", ["{}.APPS.Localhost", "{}.apps.localhost", "{}.apps.localhost.", "{}.apps.localhost:1"]
)
def test_a_host_is_recognised_in_all_its_spellings(sandbox: Sandbox, echo: str, host: str) -> None:
    response = sandbox.http.get(sandbox.dispatch_url + "/x", headers={"host": host.format(echo.upper())})
    assert response.json()["path"] == "/x"


def test_a_body_of_5_megabytes_comes_back_unchanged(sandbox: Sandbox, echo: str) -> None:
    body = os.urandom(5_000_000)
    response = sandbox.visit(echo, "/body", "POST", content=body)
    assert response.content == body
    assert response.headers["x-length"] == "5000000"


def test_a_body_streams_before_it_is_complete(sandbox: Sandbox, echo: str) -> None:
    host, port = sandbox.dispatch_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /app/{echo}/body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"5\r\nearly\r\n")
        assert b"early" in _read_until(connection, b"early")
        connection.sendall(b"4\r\nlate\r\n0\r\n\r\n")
        assert b"late" in _read_until(connection, b"late")


def test_server_sent_events_arrive_one_by_one(sandbox: Sandbox, echo: str) -> None:
    with sandbox.http.stream("GET", f"{sandbox.dispatch_url}/app/{echo}/events") as response:
        pieces = list(response.iter_raw())
    assert pieces == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]


@pytest.mark.parametrize("by", ["path", "host"])
def test_a_websocket_passes(sandbox: Sandbox, echo: str, by: str) -> None:
    path = f"/app/{echo}/socket" if by == "path" else "/socket"
    host = "x" if by == "path" else f"{echo}.{sandbox.apps_domain}"
    with _websocket(sandbox, path, host) as connection:
        _send_text(connection, "hello")
        assert _read_until(connection, b"echo hello").endswith(b"echo hello")


def test_an_answer_is_not_altered(sandbox: Sandbox, echo: str) -> None:
    response = sandbox.visit(echo, "/status")
    assert (response.status_code, response.text) == (418, "short and stout")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers["server"] == "mine"
    moved = sandbox.visit(echo, "/moved")
    assert (moved.status_code, moved.headers["location"]) == (302, "/elsewhere")


def test_a_request_gets_no_header_that_the_visitor_did_not_send(sandbox: Sandbox, echo: str) -> None:
    sandbox.http.cookies.clear()
    direct = sandbox.visit_host(echo, "/x", headers={"x-mine": "1"}).json()["headers"]
    stripped = sandbox.visit(echo, "/x", headers={"x-mine": "1"}).json()["headers"]
    sent = {"accept", "accept-encoding", "connection", "host", "user-agent", "x-mine"}
    assert set(direct) <= sent
    assert set(stripped) <= sent


@pytest.mark.parametrize(
    "name", ["x-branchline-environment", "Branchline-Deployment", "Cloudflare-Workers-Version-Overrides"]
)
def test_headers_that_speak_for_the_platform_are_taken_away(sandbox: Sandbox, echo: str, name: str) -> None:
    spoofed = {name: "spoofed", "x-kept": "yes"}
    for response in (
        sandbox.visit(echo, "/x", headers=spoofed),
        sandbox.visit_host(echo, "/x", headers=spoofed),
    ):
        headers = response.json()["headers"]
        assert name.lower() not in headers
        assert headers["x-kept"] == "yes"


def test_a_spoofed_header_does_not_cost_the_body(sandbox: Sandbox, echo: str) -> None:
    response = sandbox.visit_host(echo, "/body", "POST", content=b"kept", headers={"x-branchline-a": "1"})
    assert response.text == "kept"


def test_a_navigation_without_the_last_slash_is_sent_to_the_folder(sandbox: Sandbox, echo: str) -> None:
    for headers in ({"accept": "text/html"}, {"sec-fetch-mode": "navigate"}):
        response = sandbox.visit(echo, "?a=1", headers=headers)
        assert (response.status_code, response.headers["location"]) == (307, f"/app/{echo}/?a=1")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"accept": "application/json"}),
        ("GET", {"accept": "text/html", "sec-fetch-mode": "cors"}),
        ("POST", {"accept": "text/html"}),
    ],
)
def test_other_requests_without_the_last_slash_are_served_at_once(
    sandbox: Sandbox, echo: str, method: str, headers: dict[str, str]
) -> None:
    assert sandbox.visit(echo, "", method, headers=headers).json()["path"] == "/"


@pytest.mark.parametrize(
    "script",
    ["nobody", "preview-pr1-nobody", "no-such-prefix", "UPPER", "a_b", "a..b", "-a", "a-", "a" * 64, "a%20b"],
)
def test_an_unknown_app_is_a_plain_404(sandbox: Sandbox, script: str) -> None:
    page = sandbox.visit(script, headers={"accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such app" in page.text
    data = sandbox.visit(script, headers={"accept": "application/json"})
    assert (data.status_code, data.json()["error"]["code"]) == (404, "app:not-found")


@pytest.mark.parametrize("host", ["nobody", "a.b", "a_b"])
def test_an_unknown_host_is_a_plain_404(sandbox: Sandbox, host: str) -> None:
    assert sandbox.visit_host(host, "/app/echoecho/").status_code == 404


def test_an_unknown_app_is_told_without_a_body_to_head(sandbox: Sandbox) -> None:
    response = sandbox.visit("nobody", "/", "HEAD")
    assert (response.status_code, response.content) == (404, b"")


def test_a_name_is_escaped_in_the_page(sandbox: Sandbox) -> None:
    page = sandbox.visit("%3Cscript%3E'x\"&", headers={"accept": "text/html"}).text
    assert "<script>" not in page


@pytest.mark.parametrize("host", [None, "apps.localhost"])
def test_the_root_is_a_landing_page(sandbox: Sandbox, host: str | None) -> None:
    headers = {"host": host} if host else {}
    for path in ("/", "/?a=1"):
        response = sandbox.http.get(sandbox.dispatch_url + path, headers=headers)
        assert (response.status_code, "<h1>Branchline</h1>" in response.text) == (200, True)


@pytest.mark.parametrize("path", ["/nothing", "/app", "/app/", "/APP/echoecho/"])
def test_any_other_path_of_the_platform_is_a_404(sandbox: Sandbox, path: str) -> None:
    response = sandbox.http.get(sandbox.dispatch_url + path)
    assert (response.status_code, "There is no page here" in response.text) == (404, True)


def test_a_script_that_throws_is_a_502(sandbox: Sandbox, echo: str) -> None:
    page = sandbox.visit(echo, "/throws", headers={"accept": "text/html"})
    assert (page.status_code, "This app is not answering" in page.text) == (502, True)
    assert "on purpose" not in page.text
    data = sandbox.visit_host(echo, "/throws", "POST", content=b"x", headers={"accept": "application/json"})
    assert (data.status_code, data.json()["error"]["code"]) == (502, "app:failed")


def test_a_script_that_throws_in_the_middle_ends_the_answer(sandbox: Sandbox, echo: str) -> None:
    with sandbox.http.stream("GET", f"{sandbox.dispatch_url}/app/{echo}/breaks") as response:
        pieces = response.iter_raw()
        assert (response.status_code, next(pieces)) == (200, b"first")
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    assert sandbox.visit(echo, "/x").status_code == 200


def _read_until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        piece = connection.recv(65536)
        assert piece, f"the connection ended after {received!r}"
        received += piece
    return received


@contextmanager
def _websocket(sandbox: Sandbox, path: str, host: str) -> Iterator[socket.socket]:
    name, port = sandbox.dispatch_url.removeprefix("http://").split(":")
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection((name, int(port)), timeout=60) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n".encode()
        )
        assert _read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 101")
        yield connection


def _send_text(connection: socket.socket, text: str) -> None:
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text.encode()))
    connection.sendall(struct.pack("!BB", 0x81, 0x80 | len(masked)) + mask + masked)
