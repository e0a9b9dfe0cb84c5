"""What people sign in with, as the suite drives it: the fake, and the adapter over a sandbox GitHub.

Beside the port both have what people do in the code host's own pages.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import httpx

from app.github.sign_in import GitHubSignIn
from app.ports.people import SignIn
from app.settings import Secret, SignInSettings
from sandbox.github.server import Server
from sandbox.github.settings import Settings
from tests.fakes.sign_in import FakeSignIn


class Door(Protocol):
    """A code host that people sign in with."""

    @property
    def port(self) -> SignIn:
        """What we ask it by."""

    def allow(self, address: str, login: str = "ada") -> str:
        """Return where the browser is sent after somebody said yes."""

    def deny(self, address: str) -> str:
        """Return where the browser is sent after somebody said no."""

    def decide(self, user_code: str, login: str = "ada", *, is_allowed: bool = True) -> None:
        """Let a device act for somebody, or not."""


class FakeDoor(FakeSignIn):
    """The fake, which is its own port."""

    @property
    def port(self) -> SignIn:
        return self


class SandboxDoor:
    """The adapter, and a browser that looks at the sandbox's pages."""

    def __init__(self, directory: Path) -> None:
        template = directory / "template"
        template.mkdir()
        (template / "README.md").write_text("# Template\n")
        settings = Settings(directory=directory / "state", template_from=template, with_actions=False)
        self._server = Server(settings)
        self._server.start()
        self.url = self._server.site.url
        client = json.loads((settings.directory / "oauth.json").read_text())
        self.settings = SignInSettings(
            self.url, f"{self.url}/api/v3", client["clientId"], Secret(client["clientSecret"])
        )
        self._port = GitHubSignIn(self.settings, lambda: datetime.now(UTC))

    @property
    def port(self) -> SignIn:
        return self._port

    def allow(self, address: str, login: str = "ada") -> str:
        return self._answer(address, login, "allow")

    def deny(self, address: str) -> str:
        return self._answer(address, "ada", "deny")

    def decide(self, user_code: str, login: str = "ada", *, is_allowed: bool = True) -> None:
        with self._browser(login) as browser:
            page = browser.get("/login/device", params={"user_code": user_code})
            given = {"user_code": user_code, "decision": "allow" if is_allowed else "deny"}
            assert browser.post("/login/device", data=given | {"key": _key(page)}).status_code == 200

    def close(self) -> None:
        self._port.close()
        self._server.close()

    def _answer(self, address: str, login: str, decision: str) -> str:
        with self._browser(login) as browser:
            page = browser.get(address)
            answer = browser.post(address, data={"key": _key(page), "decision": decision})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    @contextmanager
    def _browser(self, login: str) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as browser:
            assert browser.post("/session", data={"login": login}).status_code == 302
            yield browser


def _key(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return str(re.findall(r'name="key" value="(\w+)"', page.text)[0])
