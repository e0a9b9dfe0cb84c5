"""An app's files over HTTP, for tests: where they are, what is in them, and how they are sent."""

from typing import Any, Final

from werkzeug.test import TestResponse

from app.domain.events import Event
from tests.integration.web.world import AUTHORIZED, World

FILES: Final = "/api/apps/app-1/files"
COMMITS: Final = "/api/apps/app-1/commits"
EXPORT: Final = "/api/apps/app-1/export"
README: Final = b"# Shop\n"
ICON: Final = b"\x89PNG\r\n\x1a\n\0\xff"
RAW: Final = "application/octet-stream"


def with_files(world: World) -> World:
    """Add an app whose repository has a text, an image and a script."""
    world.app(1)
    files = {"README.md": README, "icon.png": ICON, "src/index.ts": b"export {};\n"}
    world.host.add_repository("acme/app-1", files)
    return world


def main(world: World) -> dict[str, bytes]:
    return world.host.repository("acme/app-1").files("main")


def head(world: World, branch: str = "main") -> str:
    return world.host.repository("acme/app-1").branches[branch]


def facts(world: World) -> list[Event]:
    with world.records.read() as tx:
        return list(tx.events.about("app_0001"))


def send(world: World, method: str, path: str, **given: Any) -> TestResponse:
    """Ask with more headers beside the token."""
    headers = {**AUTHORIZED, **given.pop("headers", {})}
    return world.call(method, path, headers=headers, **given)


def put_raw(world: World, path: str, content: bytes, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(world, "PUT", f"{FILES}/{path}", data=content, headers={"Content-Type": RAW, **named})


def commit(world: World, **body: Any) -> TestResponse:
    given = {"message": "Change it", "files": [{"path": "a.txt", "content": "a"}], **body}
    return world.call("POST", COMMITS, json=given)
