"""What a GitHub can be started with to behave otherwise."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.github.server import Server
from sandbox.github.settings import SecondFork, Settings
from tests.contract.sandbox_github.driver import World


@pytest.fixture
def started(tmp_path: Path, template: Path) -> Iterator[Callable[..., World]]:
    """Return what starts a GitHub with settings of the test's own."""
    running: list[World] = []

    def start(**settings: Any) -> World:
        directory = tmp_path / f"github-{len(running)}"
        wanted = Settings(directory=directory, template_from=template, with_actions=False, **settings)
        server = Server(wanted)
        server.start()
        running.append(World(server))
        return running[-1]

    yield start
    for world in running:
        world.close()


def test_an_organisation_may_be_given_one_fork_only(started: Callable[..., World]) -> None:
    world = started(second_fork=SecondFork.EXISTING)
    wanted = {"organization": "acme", "name": "first"}
    first = world.bot("POST", "/repos/acme/template/forks", 202, wanted)
    second = world.bot("POST", "/repos/acme/template/forks", 202, wanted | {"name": "second"})
    assert (second["id"], second["full_name"]) == (first["id"], "acme/first")


def test_the_budget_of_a_token_ends(started: Callable[..., World]) -> None:
    world = started(rate_limit=2)
    answers = [world.bot.client.get("/user") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].json()["message"].startswith("API rate limit exceeded")
    assert answers[2].headers["X-RateLimit-Remaining"] == "0"
    assert world.ada("GET", "/user", 200)["login"] == "ada"
    assert world.bot("GET", "/rate_limit", 200)["rate"]["remaining"] == 0


def test_people_and_repositories_may_be_called_otherwise(started: Callable[..., World]) -> None:
    world = started(org="globex", template_name="starter")
    assert world.bot("GET", "/repos/globex/starter", 200)["owner"]["login"] == "globex"
