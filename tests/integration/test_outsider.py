"""What a story's outsider does at GitHub: forks an app, proposes a change from there, comments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.developer import App, Developer
from sandbox.github.server import Server
from sandbox.github.settings import Settings
from tests.contract.sandbox_github.driver import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = Path(__file__).parents[2] / "template_repo"


class Shop(App):
    """An app as the control plane would tell of it."""

    @property
    def detail(self) -> dict[str, Any]:
        url = self.developer.facts["github"]["url"]
        return {"repository": {"fullName": f"acme/{self.slug}", "cloneUrl": f"{url}/acme/{self.slug}.git"}}


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[Developer]:
    directory = tmp_path / "github"
    settings = Settings(
        directory=directory, template_from=TEMPLATE, fork_delay_seconds=0.1, with_actions=False
    )
    server = Server(settings)
    server.start()
    tokens = json.loads(settings.tokens_path.read_text())
    github = {"url": server.url, "apiUrl": f"{server.url}/api/v3", "token": tokens["ada"]}
    facts = {
        "github": github | {"outsiderToken": tokens["mallory"]},
        "controlPlane": {"url": server.url, "apiToken": "x"},
    }
    with Developer(facts, tmp_path / "work") as developer:
        yield developer
    server.close()


def _app(ada: Developer, name: str) -> Shop:
    made = ada.github.post("/repos/acme/template/forks", {"organization": "acme", "name": name})
    eventually(lambda: ada.github.client.get(f"/repos/acme/{name}/branches/main").is_success)
    return Shop(ada, name, ada.clone(made["clone_url"], name))


def test_an_outsider_proposes_a_change_to_each_of_two_apps(ada: Developer) -> None:
    with ada.outsider() as mallory:
        for name in ("shop", "blog"):
            app = _app(ada, name)
            pull = mallory.fork(app).propose_upstream(app, f"Gift for {name}!")
            shown = ada.github.get(f"/repos/acme/{name}/pulls/{pull.number}")
            assert (shown["user"]["login"], shown["head"]["label"]) == ("mallory", f"mallory:gift-for-{name}")
            assert shown["commits"] == 1

            second = pull.push("Another gift")

            assert ada.github.get(f"/repos/acme/{name}/pulls/{pull.number}")["head"]["sha"] == second
            pull.say("/preview", mallory)
            pull.say("/preview")
            assert [comment["user"]["login"] for comment in pull.comments()] == ["mallory", "ada"]
