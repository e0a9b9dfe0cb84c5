"""A sandbox GitHub in this process, a caller that checks every answer, a receiver of webhooks, and git."""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
from jsonschema import Draft4Validator, Draft7Validator

from sandbox.github.server import Server
from tests.fakes.published_github import as_json_schema
from tests.published import OCTOKIT, openapi

T = TypeVar("T")
ANYWHERE = {401, 403, 404}  # what any endpoint may answer, described or not
SECRET = "It's a Secret to Everybody"


def eventually(look: Callable[[], T], timeout: float = 60.0) -> T:
    """Return what `look` returns once it is true; at the end of the time, fail with all it returned."""
    history: list[object] = []
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if found := look():
            return found
        history.append(found)
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout} seconds; the last answers were {history[-5:]}")


@cache
def _operations() -> list[tuple[re.Pattern[str], str, str]]:
    """Return pattern, method and path of every described operation, the most literal ones first."""
    found = [(path, method) for path, methods in openapi()["paths"].items() for method in methods]
    found.sort(key=lambda one: len(re.sub(r"{\w+}", "", one[0])), reverse=True)
    return [(_pattern(path), method, path) for path, method in found]


def _pattern(path: str) -> re.Pattern[str]:
    """Return what a path matches; only refs and paths of files may have slashes."""
    literal = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"{(\w+)}", lambda it: ".+" if it[1] in {"ref", "path"} else "[^/]+", literal))


@cache
def _schema(method: str, described_path: str, status: int) -> Any:
    responses = openapi()["paths"][described_path][method]["responses"]
    if str(status) not in responses and status in ANYWHERE:
        return as_json_schema({"$ref": "#/components/schemas/basic-error"})
    assert str(status) in responses, f"{method} {described_path} is not described to answer {status}"
    content = as_json_schema(responses[str(status)]).get("content", {}).get("application/json")
    return content["schema"] if content else None


def check_answer(method: str, path: str, response: httpx.Response) -> None:
    """Fail when an answer is not one that GitHub's description has for the operation."""
    fitting = (
        one for pattern, verb, one in _operations() if verb == method.lower() and pattern.fullmatch(path)
    )
    operation = next(fitting, None)
    assert operation, f"{method} {path} is not in GitHub's description"
    schema = _schema(method.lower(), operation, response.status_code)
    if schema is None:
        assert not response.content or response.status_code >= 400, f"{method} {operation} answers nothing"
        return
    errors = list(Draft4Validator(schema).iter_errors(response.json()))
    assert not errors, f"{method} {operation}: {errors[0].json_path}: {errors[0].message}"


@dataclass
class Caller:
    """Asks the API as somebody and checks what comes back against GitHub's description."""

    client: httpx.Client

    def __call__(self, method: str, path: str, expect: int, body: Any = None, **query: str) -> Any:
        """Ask, check status and shape, and return the JSON; None when there is none."""
        response = self.response(method, path, expect, body, **query)
        return response.json() if response.content else None

    def response(self, method: str, path: str, expect: int, body: Any = None, **query: str) -> httpx.Response:
        """Ask, check status and shape, and return the whole answer."""
        response = self.client.request(method, path, json=body, params=query)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text}"
        check_answer(method, path, response)
        return response

    def close(self) -> None:
        self.client.close()


@dataclass
class Delivery:
    """One webhook as it arrived."""

    headers: Mapping[str, str]
    raw: bytes

    @property
    def event(self) -> str:
        return self.headers["X-GitHub-Event"]

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def name(self) -> str:
        """Return `event` or `event:action`."""
        action = self.body.get("action")
        return f"{self.event}:{action}" if action else self.event

    def is_signed(self) -> bool:
        signed = "sha256=" + hmac.new(SECRET.encode(), self.raw, hashlib.sha256).hexdigest()
        return hmac.compare_digest(signed, self.headers["X-Hub-Signature-256"])

    def check(self) -> None:
        """Fail when the body is not what GitHub's webhook schemas describe."""
        action = self.body.get("action")
        schema = webhook_schemas()[f"{self.event}${action or 'event'}"]
        errors = list(Draft7Validator({**schema, "definitions": webhook_schemas()}).iter_errors(self.body))
        assert not errors, f"{self.name}: {errors[0].json_path}: {errors[0].message}"


@cache
def webhook_schemas() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OCTOKIT / "webhooks-schemas/schema.json").read_bytes())["definitions"]
    return found


@dataclass
class Receiver:
    """A web server that keeps what it is sent and answers as it is told."""

    answers: list[int] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.append(Delivery(dict(self.headers.items()), raw))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_details: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def names(self) -> list[str]:
        return [delivery.name for delivery in self.deliveries]

    def wait(self, *names: str) -> list[Delivery]:
        """Return the first delivery of each name once all have come."""

        def look() -> list[Delivery]:
            found = {delivery.name: delivery for delivery in reversed(self.deliveries)}
            return [found[name] for name in names] if set(names) <= found.keys() else []

        return eventually(look)


class Slow:
    """A receiver that answers only when it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.seen: list[tuple[str, str]] = []
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                slow.seen.append((self.headers["X-GitHub-Event"], self.headers["X-GitHub-Delivery"]))
                slow.may_answer.wait(60)
                self.close_connection = True

            def log_message(self, *_details: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def close(self) -> None:
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class World:
    """A running sandbox GitHub: its callers are the owner's bot, a member, an outsider and anybody."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.url
        self.tokens: dict[str, str] = json.loads(server.site.settings.tokens_path.read_text())
        self._callers: list[Caller] = []
        self._repositories = 0
        self.bot = self.caller(self.tokens["branchline-bot"])
        self.ada = self.caller(self.tokens["ada"])
        self.mallory = self.caller(self.tokens["mallory"])
        self.anybody = self.caller(None)

    def caller(self, token: str | None) -> Caller:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        made = Caller(httpx.Client(base_url=f"{self.url}/api/v3", headers=headers, timeout=30))
        self._callers.append(made)
        return made

    def repository(self, **options: Any) -> str:
        """Create a repository from the template and return `owner/name`."""
        self._repositories += 1
        wanted = {"owner": "acme", "name": f"app-{self._repositories}", **options}
        made = self.bot("POST", "/repos/acme/template/generate", 201, wanted)
        return str(made["full_name"])

    def head(self, full_name: str, branch: str = "main") -> str:
        return str(self.bot("GET", f"/repos/{full_name}/branches/{branch}", 200)["commit"]["sha"])

    def commit(self, full_name: str, branch: str, files: dict[str, str], message: str = "Change") -> str:
        """Commit files on a branch, which is made from main when it is new, and return the commit."""
        repo = f"/repos/{full_name}"
        branches = [found["name"] for found in self.bot("GET", f"{repo}/branches", 200)]
        parent = self.head(full_name, branch if branch in branches else "main")
        entries = [
            {"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()
        ]
        base = self.bot("GET", f"{repo}/git/commits/{parent}", 200)["tree"]["sha"]
        tree = self.bot("POST", f"{repo}/git/trees", 201, {"base_tree": base, "tree": entries})["sha"]
        wanted = {"message": message, "tree": tree, "parents": [parent]}
        sha = self.bot("POST", f"{repo}/git/commits", 201, wanted)["sha"]
        if branch in branches:
            self.bot("PATCH", f"{repo}/git/refs/heads/{branch}", 200, {"sha": sha})
        else:
            self.bot("POST", f"{repo}/git/refs", 201, {"ref": f"refs/heads/{branch}", "sha": sha})
        return str(sha)

    def pull(self, full_name: str, branch: str = "feature", base: str = "main") -> dict[str, Any]:
        """Open a pull request with one new file and return it."""
        self.commit(full_name, branch, {f"{branch}.txt": "new\n"})
        wanted = {"title": f"Try {branch}", "head": branch, "base": base, "body": "Look"}
        made: dict[str, Any] = self.ada("POST", f"/repos/{full_name}/pulls", 201, wanted)
        return made

    def fork_pull(self, full_name: str, files: dict[str, str]) -> dict[str, Any]:
        """Have the outsider propose files from a fork and return the pull request."""
        wanted = {"name": full_name.replace("/", "-")}
        fork = self.mallory("POST", f"/repos/{full_name}/forks", 202, wanted)["full_name"]
        eventually(lambda: self.mallory.client.get(f"/repos/{fork}/branches").json())
        for path, text in files.items():
            content = {"content": base64.b64encode(text.encode()).decode(), "message": f"Add {path}"}
            self.mallory("PUT", f"/repos/{fork}/contents/{path}", 201, content)
        proposal = {"title": "From outside", "head": "mallory:main", "base": "main"}
        made: dict[str, Any] = self.mallory("POST", f"/repos/{full_name}/pulls", 201, proposal)
        return made

    def hook(self, full_name: str, receiver: Receiver, events: tuple[str, ...] = ("*",)) -> int:
        config = {"url": receiver.url, "content_type": "json", "secret": SECRET}
        made = self.bot("POST", f"/repos/{full_name}/hooks", 201, {"config": config, "events": list(events)})
        return int(made["id"])

    def clone_url(self, full_name: str, login: str | None = None) -> str:
        credentials = f"x-access-token:{self.tokens[login]}@" if login else ""
        return self.url.replace("://", f"://{credentials}") + f"/{full_name}.git"

    def close(self) -> None:
        for caller in self._callers:
            caller.close()
        self.server.close()


def git(*arguments: str, at: Path | None = None, fails: bool = False) -> str:
    """Run git as Ada and return what it prints, errors included."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"]
    environment = {"PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=at,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert bool(done.returncode) == fails, f"git {arguments[0]} returned {done.returncode}: {done.stdout}"
    return done.stdout
