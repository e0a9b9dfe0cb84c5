"""What the processes of a city are started with: their ports, secrets, command lines and environments.

Ports and secrets are made up once per directory and remembered there. Nothing here starts anything.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sandbox.daemon import Daemon
from sandbox.node import node_directory
from sandbox.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parents[1]
TOOLS = PROJECT / ".sandbox" / "tools"
ORG = "acme"
BOT = "branchline-bot"
DEVELOPER = "ada"
OUTSIDER = "mallory"
# Who runs the platform, and one more who is let in here and there.
OPERATOR = "olga"
GUEST = "grace"
TEMPLATE = f"{ORG}/template"
ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
APPS_HOST = "apps.localhost"
STAGE = "dev"
# One per environment, and one for pull requests from forks.
NAMESPACES = ("production", "staging", "preview", "untrusted")
_SERVERS = ("github", "cloudflare", "dispatch", "controlPlane")
_SECRETS = ("apiToken", "cloudflareToken", "sessionKey", "webhookSecret")
# Settings of the control plane must come from the plan alone, not from the shell the city was started in.
_FOREIGN = ("BRANCHLINE_", "GITHUB_", "CLOUDFLARE_", "WFP_", "APPS_DOMAIN", "DATABASE_URL")


@dataclass(frozen=True)
class Plan:
    """One city's directory with its ports and secrets."""

    directory: Path
    tools: Path
    ports: dict[str, int]
    secrets: dict[str, str]

    @classmethod
    def of_directory(cls, directory: Path, tools: Path) -> Plan:
        """Read what `directory` remembers, and make up and write what it does not."""
        directory.mkdir(parents=True, exist_ok=True)
        ports = _remembered(directory / "ports.json", _free_ports)
        known = _remembered(directory / "secrets.json", _new_secrets)
        return cls(directory, tools, ports, known)

    def url(self, server: str) -> str:
        """Return where a server listens."""
        return f"http://127.0.0.1:{self.ports[server]}"

    @property
    def apps_domain(self) -> str:
        """The origin below which every script has a subdomain; browsers take *.localhost for this machine."""
        return f"http://{APPS_HOST}:{self.ports['dispatch']}"

    @property
    def tokens(self) -> dict[str, str]:
        """The tokens of GitHub's accounts by login, which GitHub makes up when it first starts."""
        return dict(json.loads((self.directory / "github" / "tokens.json").read_text()))

    @property
    def oauth(self) -> dict[str, str]:
        """The application that people sign in to, which GitHub makes up when it first starts."""
        return dict(json.loads((self.directory / "github" / "oauth.json").read_text()))

    def facts(self) -> dict[str, dict[str, str]]:
        """Return what city.json tells: where everything is and what opens it."""
        github = self.url("github")
        return {
            "controlPlane": {"url": self.url("controlPlane"), "apiToken": self.secrets["apiToken"]},
            "github": {
                "url": github,
                "apiUrl": f"{github}/api/v3",
                "token": self.tokens[DEVELOPER],
                "outsiderToken": self.tokens[OUTSIDER],
                "org": ORG,
                "template": TEMPLATE,
            },
            "cloudflare": {
                "apiUrl": f"{self.url('cloudflare')}/client/v4",
                "apiToken": self.secrets["cloudflareToken"],
                "accountId": ACCOUNT_ID,
                "dispatchUrl": self.url("dispatch"),
                "appsDomain": self.apps_domain,
            },
        }

    def shell_variables(self) -> dict[str, str]:
        """Return what a person's shell needs: for `branchline`, for git and for the API of this GitHub."""
        host = self.url("github").removeprefix("http://")
        return {
            "BRANCHLINE_URL": self.url("controlPlane"),
            "BRANCHLINE_API_TOKEN": self.secrets["apiToken"],
            "SANDBOX_GITHUB": f"http://{DEVELOPER}:{self.tokens[DEVELOPER]}@{host}",
            "SANDBOX_GITHUB_API": f"{self.url('github')}/api/v3",
            "SANDBOX_GITHUB_TOKEN": self.tokens[DEVELOPER],
        }


def github(plan: Plan) -> Daemon:
    """Return GitHub with the template in it."""
    arguments = [
        *(sys.executable, "-m", "sandbox.github"),
        *("--directory", str(plan.directory / "github")),
        *("--port", str(plan.ports["github"])),
        *("--org", ORG),
        *("--bot", BOT),
        *("--developer", DEVELOPER),
        *("--outsider", OUTSIDER),
        *("--person", OPERATOR),
        *("--person", GUEST),
        *("--template-from", str(PROJECT / "template_repo")),
    ]
    return Daemon("github", arguments, _environment(plan), plan.directory, [plan.url("github")])


def cloudflare(plan: Plan) -> Daemon:
    """Return Cloudflare with its namespaces, and the dispatch worker on a port of its own."""
    namespaces = {name: f"branchline-{STAGE}-{name}" for name in NAMESPACES}
    arguments = [
        *(sys.executable, "-m", "sandbox.cloudflare"),
        *("--directory", str(plan.directory / "cloudflare")),
        *("--port", str(plan.ports["cloudflare"])),
        *("--dispatch-port", str(plan.ports["dispatch"])),
        *("--account-id", ACCOUNT_ID),
        *("--token-env", "SANDBOX_CLOUDFLARE_TOKEN"),
        *("--apps-domain", APPS_HOST),
        *("--control-plane-url", plan.url("controlPlane")),
    ]
    for name, namespace in namespaces.items():
        arguments += ["--namespace", namespace, "--binding", f"NAMESPACE_{name.upper()}={namespace}"]
    environment = _environment(plan) | {"SANDBOX_CLOUDFLARE_TOKEN": plan.secrets["cloudflareToken"]}
    ready = [plan.url("cloudflare"), plan.url("dispatch")]
    return Daemon("cloudflare", arguments, environment, plan.directory, ready)


def control_plane(plan: Plan) -> Daemon:
    """Return the control plane; GitHub must have started once, for its tokens."""
    arguments = [sys.executable, "-m", "app", "serve", "--port", str(plan.ports["controlPlane"])]
    ready = [f"{plan.url('controlPlane')}/readyz"]
    return Daemon("control-plane", arguments, control_plane_environment(plan), plan.directory, ready)


def database_environment(plan: Plan) -> dict[str, str]:
    """Return what `db upgrade` needs."""
    database = plan.directory / "control-plane" / "branchline.sqlite"
    return _environment(plan) | {"DATABASE_URL": f"sqlite:///{database}"}


def control_plane_environment(plan: Plan) -> dict[str, str]:
    """Return the settings that make the control plane use this city's GitHub and Cloudflare."""
    facts = plan.facts()
    return database_environment(plan) | {
        "BRANCHLINE_URL": facts["controlPlane"]["url"],
        "BRANCHLINE_STAGE": STAGE,
        # Apps are imported from this GitHub, which is no public host.
        "BRANCHLINE_IMPORT_ORIGINS": facts["github"]["url"],
        "BRANCHLINE_SECRET_KEY": plan.secrets["sessionKey"],
        "BRANCHLINE_API_TOKEN": plan.secrets["apiToken"],
        "BRANCHLINE_OPERATORS": OPERATOR,
        "BRANCHLINE_ESBUILD": str(plan.tools / "node_modules" / "esbuild" / "bin" / "esbuild"),
        "GITHUB_API_URL": facts["github"]["apiUrl"],
        "GITHUB_TOKEN": plan.tokens[BOT],
        "GITHUB_CLIENT_ID": plan.oauth["clientId"],
        "GITHUB_CLIENT_SECRET": plan.oauth["clientSecret"],
        "GITHUB_WEBHOOK_SECRET": plan.secrets["webhookSecret"],
        "GITHUB_ORG": ORG,
        "GITHUB_TEMPLATE_REPO": TEMPLATE,
        "GITHUB_WRITE_PAUSE_SECONDS": "0",
        "GITHUB_WRITE_RATE": "0",
        "GITHUB_POINT_RATE": "0",
        "CLOUDFLARE_API_URL": facts["cloudflare"]["apiUrl"],
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
        "CLOUDFLARE_API_TOKEN": plan.secrets["cloudflareToken"],
        "CLOUDFLARE_RATE": "0",
        "WFP_DISPATCH_DOMAIN": plan.url("dispatch"),
        "APPS_DOMAIN": plan.apps_domain,
    }


def _environment(plan: Plan) -> dict[str, str]:
    """Return the shell's environment without foreign settings, our Node first on PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    paths = [
        str(node_directory(plan.directory / "node")),
        str(Path(sys.executable).parent),
        kept.get("PATH", ""),
    ]
    return kept | {
        "PATH": os.pathsep.join(paths),
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        "BRANCHLINE_TOOLS": str(plan.tools),
        "NO_PROXY": "127.0.0.1,localhost,.localhost",
    }


def _remembered(path: Path, make: Callable[[], dict[str, T]]) -> dict[str, T]:
    """Return what `path` holds, or make it up and write it for our user alone."""
    if path.exists():
        return dict(json.loads(path.read_text()))
    content = make()
    write_atomically(path, json.dumps(content, indent=2))
    return content


def write_atomically(path: Path, content: str) -> None:
    """Write a file with secrets in it for our user alone, so that nobody ever reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(path)


def _free_ports() -> dict[str, int]:
    """Return a free port per server."""
    return {name: free_port() for name in _SERVERS}


def _new_secrets() -> dict[str, str]:
    return {name: secrets.token_urlsafe(36) for name in _SECRETS}
