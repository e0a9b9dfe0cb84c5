from __future__ import annotations

import time
from typing import TYPE_CHECKING

import flask
import pytest

from sandbox import actions
from sandbox.actions import pages, routes
from sandbox.github.server import Server
from sandbox.github.settings import Settings
from tests.fakes.github_for_actions import FakeGitHub
from tests.integration.sandbox_actions.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from sandbox.actions.records import Run

_SECONDS = 60


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGitHub]:
    fake = FakeGitHub(tmp_path)
    yield fake
    fake.close()


@pytest.fixture
def engine(tmp_path: Path, github: FakeGitHub) -> Iterator[actions.Engine]:
    engine = actions.create(tmp_path / "actions", github, concurrency=2)
    engine.start()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    template = tmp_path_factory.mktemp("template")
    (template / "README.md").write_text("# Template\n")
    settings = Settings(
        directory=tmp_path_factory.mktemp("hub"), template_from=template, fork_delay_seconds=0.1
    )
    server = Server(settings)
    server.start()
    running = Hub(server)
    yield running
    running.close()


@pytest.fixture
def client(engine: actions.Engine, github: FakeGitHub) -> FlaskClient:
    application = flask.Flask("test")
    application.register_blueprint(routes.blueprint(engine, github, sender=github.user), url_prefix="/api/v3")
    application.register_blueprint(pages.pages(engine, github))
    return application.test_client()


class Watch:
    """Waits for what runs come to."""

    def __init__(self, engine: actions.Engine) -> None:
        self._engine = engine

    def run(self, run_id: int, is_so: Callable[[Run], bool], what: str) -> Run:
        deadline = time.monotonic() + _SECONDS
        while not is_so(run := self._engine.records.run(run_id)):
            assert time.monotonic() < deadline, f"run {run_id} is not {what}: {run}\n{self.log(run_id)}"
            time.sleep(0.01)
        return run

    def completed(self, run_id: int) -> Run:
        return self.run(run_id, lambda run: run.status == "completed", "completed")

    def says(self, run_id: int, text: str) -> Run:
        return self.run(run_id, lambda _run: text in self.log(run_id), f"saying {text!r}")

    def log(self, run_id: int) -> str:
        records = self._engine.records
        jobs = records.jobs(run_id, records.run(run_id).attempt)
        return "".join(self._engine.logs.of_job(job, records.steps(job.id)) for job in jobs)

    def steps(self, run_id: int) -> dict[str, str | None]:
        records = self._engine.records
        jobs = records.jobs(run_id, records.run(run_id).attempt)
        return {step.name: step.conclusion for job in jobs for step in records.steps(job.id)}


@pytest.fixture
def watch(engine: actions.Engine) -> Watch:
    return Watch(engine)
