"""What somebody with a few functions does: deploy them, call them, change them, and make an app of them.

A worker is asked for over the control plane's HTTP API; it is called at its own address, with nothing of the
control plane in the way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.developer import Developer

CODE = """\
export type Order = { name: string; cups: number };

export function greet(order: Order) {
  console.log("making %d cups for %s", order.cups, order.name);
  return { message: `{GREETING}, ${order.name}!` };
}

export async function brew({ cups }: Order) {
  for (let cup = 1; cup <= cups; cup += 1) {
    await new Promise((done) => setTimeout(done, 20));
    console.info("cup", cup);
  }
  return { cups };
}
"""
CUPS = 3
PAYLOAD = {"name": "Ada", "cups": CUPS}


@dataclass
class Worker:
    """A worker, by what the control plane answered when it was deployed last."""

    developer: Developer
    detail: dict[str, Any]

    @classmethod
    def deploy(cls, developer: Developer, name: str, greeting: str) -> Worker:
        """Deploy two functions."""
        order = {"name": name, "code": code(greeting)}
        return cls(developer, developer.branchline.post("/api/workers", order))

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self.detail["url"]).rstrip("/")

    def change(self, greeting: str) -> None:
        """Deploy a new version of it."""
        path = f"/api/workers/{self.detail['id']}"
        self.detail = self.developer.branchline.call("PUT", path, {"code": code(greeting)})

    def invoke(self, function: str, url: str | None = None) -> dict[str, Any]:
        """Call a function at the worker's address, or another one, and return the whole answer."""
        address = f"{(url or self.url).rstrip('/')}/api/invoke/{function}"
        answer = self.developer.visitor.post(address, json=PAYLOAD)
        return dict(answer.raise_for_status().json())

    def stream(self, function: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Call a function and yield its events as they come, each with its name."""
        address, headers = f"{self.url}/api/invoke/{function}", {"accept": "text/event-stream"}
        with self.developer.visitor.stream("POST", address, json=PAYLOAD, headers=headers) as answer:
            name = ""
            for line in answer.raise_for_status().iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

    def make_app(self, name: str) -> dict[str, Any]:
        """Ask for an app with these functions in its repository, and return the answer."""
        path = f"/api/workers/{self.detail['id']}/app"
        return dict(self.developer.branchline.post(path, {"name": name}))


def code(greeting: str) -> str:
    """Return a module whose `greet` says that."""
    return CODE.replace("{GREETING}", greeting)
