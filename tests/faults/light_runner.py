"""A runner that builds nothing: it takes the place of act and deploys one module, as `deploy.mjs` would.

It asks to deploy with a token of the sandbox's issuer, puts a script up through the gateway with the grant it
gets, and tells the end, each with the tries and pauses of `deploy.mjs`. The module answers with the commit.
Standard library only, so that a thousand runs cost little. It is not told what the control plane is made of.
"""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any

TRIES = 5
TIMEOUT_SECONDS = 15
BUSY_SECONDS = 600
LONGEST_PAUSE_SECONDS = 60
IDLE = "runner.idle"  # a file of this name above a run's directory: end well and do nothing
BOUNDARY = "----branchline-light-runner"
_REQUEST = re.compile(r'(ACTIONS_ID_TOKEN_REQUEST_(?:URL|TOKEN)):\s*"([^"]+)"')

Answer = tuple[int, Any, float | None]


class Failed(Exception):
    """The run fails; the message says where."""


class Run:
    """What one run knows: from the files that act would read."""

    def __init__(self, arguments: list[str]) -> None:
        named = dict(pairwise(arguments))
        self.environment = _json(named["--env-file"])
        self.event = _json(named["--eventpath"])
        self.variables = _json(named["--var-file"])
        self.identity = dict(_REQUEST.findall(Path(named["--workflows"]).read_text(encoding="utf-8")))
        self.url = self.variables.get("BRANCHLINE_URL", "").rstrip("/")

    def about(self) -> dict[str, Any]:
        """Return what every message says of the run, as `describeRun` does."""
        env, pull = self.environment, self.event.get("pull_request")
        run_id = int(env["GITHUB_RUN_ID"])
        return {
            "repository": {"id": self.event["repository"]["id"], "fullName": env["GITHUB_REPOSITORY"]},
            "event": env["GITHUB_EVENT_NAME"],
            "ref": env["GITHUB_REF"],
            "branch": pull["head"]["ref"] if pull else env["GITHUB_REF_NAME"],
            "commit": pull["head"]["sha"] if pull else env["GITHUB_SHA"],
            "message": "Built by nobody",
            "pullRequest": pull["number"] if pull else None,
            "run": {
                "id": run_id,
                "number": int(env["GITHUB_RUN_NUMBER"]),
                "attempt": int(env.get("GITHUB_RUN_ATTEMPT", 1)),
                "url": f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}/actions/runs/{run_id}",
            },
        }

    def deploy(self) -> None:
        """Ask, upload, tell the end."""
        about = self.about()
        plan = self._start({**about, "phases": {}})
        if not plan["deploy"]:
            return
        try:
            self._upload(plan, about["commit"])
        except Failed as failure:
            error = {"phase": "deploy", "message": str(failure)[:2000]}
            self._finish({**about, "deployment": plan["deployment"], "conclusion": "failure", "error": error})
            raise
        ended = {"deployment": plan["deployment"], "conclusion": "success", "error": None}
        self._finish({**about, "phases": {"deploy": 0.1}, **ended})

    def _start(self, message: Mapping[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            status, body, pause = self._tell("/api/deployments", message)
            if status == 200:
                return dict(body)
            if status != 409 or _code(body) != "deployment:busy" or time.monotonic() > deadline:
                raise Failed(f"start: {status} {body}")
            time.sleep(max(1.0, pause or 5.0))

    def _upload(self, plan: Mapping[str, Any], commit: str) -> None:
        cloudflare = plan["cloudflare"]
        place = f"workers/dispatch/namespaces/{plan['namespace']}/scripts/{plan['script']}"
        url = f"{cloudflare['apiBaseUrl']}/accounts/{cloudflare['accountId']}/{place}"
        headers = {
            "Authorization": f"Bearer {cloudflare['apiToken']}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        status, body, _ = _patiently(lambda: ("PUT", url, headers, _form(commit)))
        if status != 200:
            raise Failed(f"upload: {status} {body}")

    def _finish(self, message: Mapping[str, Any]) -> None:
        status, body, _ = self._tell("/webhooks/deployments", message)
        if status != 200:
            raise Failed(f"finish: {status} {body}")

    def _tell(self, path: str, message: Mapping[str, Any]) -> Answer:
        body = json.dumps(message).encode()

        def request() -> tuple[str, str, Mapping[str, str], bytes]:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token()}"}
            return "POST", self.url + path, headers, body

        return _patiently(request)

    def _token(self) -> str:
        """Return a new token: each is good for one message."""
        url = f"{self.identity['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={self.url}"
        headers = {"Authorization": f"Bearer {self.identity['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
        status, body, _ = _patiently(lambda: ("GET", url, headers, None))
        if status != 200:
            raise Failed(f"token: {status} {body}")
        return str(body["value"])


def _json(path: str) -> dict[str, Any]:
    return dict(json.loads(Path(path).read_text(encoding="utf-8")))


def _code(body: Any) -> str | None:
    return body.get("error", {}).get("code") if isinstance(body, dict) else None


def _form(commit: str) -> bytes:
    """Return an upload as wrangler writes it: metadata and one module."""
    code = f"export default {{ fetch() {{ return new Response({json.dumps(commit)}); }} }};"
    metadata = {"main_module": "index.js", "compatibility_date": "2026-10-01", "bindings": []}
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{json.dumps(metadata)}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="index.js"; filename="index.js"\r\n'
        f"Content-Type: application/javascript+module\r\n\r\n{code}\r\n--{BOUNDARY}--\r\n"
    ).encode()


def _patiently(request: Callable[[], tuple[str, str, Mapping[str, str], bytes | None]]) -> Answer:
    """Try as `fetchWithRetries` does: what another try would not change is the answer."""
    for attempt in range(1, TRIES + 1):
        status, body, pause = _once(*request())
        if not (status in {0, 429} or status >= 500) or attempt == TRIES:
            return status, body, pause
        time.sleep(min(pause if pause is not None else 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS))
    raise AssertionError("unreachable")


def _once(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - loopback
            return response.status, _decoded(response.read()), None
    except urllib.error.HTTPError as error:
        asked = error.headers.get("Retry-After")
        return error.code, _decoded(error.read()), float(asked) if asked else None
    except (OSError, HTTPException) as error:
        return 0, str(error), None


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")[:500]


def _say(**said: Any) -> None:
    print(json.dumps({"job": "Deploy/Deploy", "jobID": "deploy", "level": "info", **said}), flush=True)  # noqa: T201


def main() -> int:
    """Run, and say what act would say of the end."""
    if any((parent / IDLE).exists() for parent in Path.cwd().parents):
        _say(msg="idle", jobResult="success")
        return 0
    try:
        Run(sys.argv[1:]).deploy()
    except (Failed, KeyError, OSError) as failure:
        _say(msg=f"{type(failure).__name__}: {failure}", raw_output=True)
        _say(msg="failed", jobResult="failure")
        return 1
    _say(msg="done", jobResult="success")
    return 0


if __name__ == "__main__":
    sys.exit(main())
