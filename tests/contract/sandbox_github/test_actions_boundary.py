"""What Actions is told, and what it is given: the sandbox's GitHub as the engine sees it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.actions.ports import ActionsSide, GitHubSide, Occasion
from sandbox.actions.records import Run
from sandbox.github.database import Database
from sandbox.github.server import Server
from sandbox.github.settings import Settings
from sandbox.github.side import GitHub
from tests.contract.sandbox_github.driver import Receiver, Slow, World, eventually


class Recorder:
    """An engine that runs nothing and remembers everything."""

    def __init__(self) -> None:
        self.occasions: list[Occasion] = []
        self.fail_next = False

    def on_event(self, occasion: Occasion) -> list[int]:
        if self.fail_next:
            self.fail_next = False
            raise RuntimeError("a broken workflow file")
        self.occasions.append(occasion)
        return []

    def runs_of(self, _repository_id: int, _commit: str) -> list[Run]:
        return []

    def start(self) -> None: ...

    def close(self) -> None: ...

    def wait(self, *names: str) -> list[Occasion]:
        """Return the first occasion of each `event` or `event:action` once all have come."""

        def look() -> list[Occasion]:
            found = {name(occasion): occasion for occasion in reversed(self.occasions)}
            return [found[one] for one in names] if set(names) <= found.keys() else []

        return eventually(look)


def name(occasion: Occasion) -> str:
    return f"{occasion.event}:{occasion.action}" if occasion.action else occasion.event


@pytest.fixture(scope="module")
def engine() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, template: Path, engine: ActionsSide) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("github")
    server = Server(
        Settings(directory=directory, template_from=template, fork_delay_seconds=0.1, with_actions=False)
    )
    server.start()
    server.site.actions = engine
    running = World(server)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _fresh(engine: Recorder) -> None:
    engine.occasions.clear()


@pytest.fixture
def side(world: World) -> GitHubSide:
    return GitHub(world.server.site)


def test_a_push_is_an_occasion_with_its_payload(world: World, repository: str, engine: Recorder) -> None:
    engine.occasions.clear()
    sha = world.commit(repository, "main", {"a": "b"})
    eventually(lambda: sha in [occasion.sha for occasion in engine.occasions])
    found = next(occasion for occasion in engine.occasions if occasion.sha == sha)
    assert (found.event, found.action, found.ref) == ("push", None, "refs/heads/main")
    assert found.payload["repository"]["id"] == found.repository_id
    assert found.payload["after"] == sha


def test_a_pull_request_is_an_occasion_on_its_merge(world: World, repository: str, engine: Recorder) -> None:
    pull = world.pull(repository)
    (opened,) = engine.wait("pull_request:opened")
    assert opened.ref == f"refs/pull/{pull['number']}/merge"
    assert opened.sha == pull["merge_commit_sha"]
    assert opened.payload["pull_request"]["head"]["sha"] == pull["head"]["sha"]
    assert opened.is_fork_pull_request is False
    world.commit(repository, "feature", {"more": "x"})
    world.bot("PUT", f"/repos/{repository}/pulls/{pull['number']}/merge", 200, {})
    engine.wait("pull_request:synchronize", "pull_request:closed")


def test_a_pull_request_from_a_fork_is_marked(world: World, repository: str, engine: Recorder) -> None:
    fork = world.ada("POST", f"/repos/{repository}/forks", 202, {})["full_name"]
    eventually(lambda: world.ada.client.get(f"/repos/{fork}/branches").json())
    world.ada("PUT", f"/repos/{fork}/contents/x.txt", 201, {"content": "eAo=", "message": "x"})
    world.ada("POST", f"/repos/{repository}/pulls", 201, {"title": "x", "head": "ada:main", "base": "main"})
    (opened,) = engine.wait("pull_request:opened")
    assert opened.is_fork_pull_request is True


def test_a_deleted_branch_is_no_occasion(world: World, repository: str, engine: Recorder) -> None:
    world.commit(repository, "gone", {"a": "b"})
    engine.wait("push")
    world.bot("DELETE", f"/repos/{repository}/git/refs/heads/gone", 204)
    last = world.commit(repository, "main", {"c": "d"})
    eventually(lambda: engine.occasions[-1].sha == last)
    assert all(occasion.sha != "0" * 40 for occasion in engine.occasions)


def test_what_a_run_does_with_its_token_starts_no_run(
    world: World, repository: str, engine: Recorder, receiver: Receiver, side: GitHubSide
) -> None:
    world.hook(repository, receiver, ("push",))
    repository_id = side.repository_id(repository)
    assert repository_id
    eventually(lambda: engine.occasions)
    engine.occasions.clear()
    run = world.caller(side.job_token(repository_id, read_only=False))
    run("PUT", f"/repos/{repository}/contents/by-run.txt", 201, {"content": "eAo=", "message": "By the run"})
    (push,) = receiver.wait("push")
    assert push.body["sender"]["login"] == "github-actions[bot]"
    marker = world.commit(repository, "main", {"after": "x"})
    eventually(lambda: engine.occasions)
    assert [occasion.sha for occasion in engine.occasions] == [marker]


def test_a_runs_token_opens_one_repository_only(world: World, repository: str, side: GitHubSide) -> None:
    repository_id, other = side.repository_id(repository), world.repository(private=True)
    assert repository_id
    reader = world.caller(side.job_token(repository_id, read_only=True))
    reader("GET", f"/repos/{repository}/contents/README.md", 200)
    refused = reader.client.put(
        f"/repos/{repository}/contents/x.txt", json={"content": "eAo=", "message": "x"}
    )
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    reader("GET", f"/repos/{other}", 404)


def test_a_broken_engine_does_not_stop_the_next_occasion(
    world: World, repository: str, engine: Recorder
) -> None:
    eventually(lambda: engine.occasions)
    engine.fail_next = True
    world.commit(repository, "main", {"a": "1"})
    last = world.commit(repository, "main", {"a": "2"})
    eventually(lambda: engine.occasions[-1].sha == last)


def test_the_engine_raises_events_through_github(
    world: World, repository: str, receiver: Receiver, side: GitHubSide
) -> None:
    world.hook(repository, receiver)
    repository_id = side.repository_id(repository)
    assert repository_id
    side.emit("workflow_run", repository_id, {"action": "requested", "workflow_run": {"id": 1}})
    (told,) = receiver.wait("workflow_run:requested")
    assert told.body["repository"]["full_name"] == repository
    assert told.body["organization"]["login"] == "acme"
    assert side.repository(repository_id)["full_name"] == repository
    assert side.git_directory(repository_id).is_dir()
    assert side.actions_enabled(repository_id) is True


def test_what_happens_while_actions_are_off_is_no_occasion_later_either(
    world: World, repository: str, engine: Recorder
) -> None:
    permissions = f"/repos/{repository}/actions/permissions"
    world.bot("PUT", permissions, 204, {"enabled": False})
    silent = world.commit(repository, "main", {"a": "1"})
    world.bot("PUT", permissions, 204, {"enabled": True, "allowed_actions": "all"})
    heard = world.commit(repository, "main", {"a": "2"})

    eventually(lambda: heard in [occasion.sha for occasion in engine.occasions])
    assert silent not in [occasion.sha for occasion in engine.occasions]


# -------------------- beginnings and ends


class Starting(Recorder):
    """One that takes its time to start."""

    def __init__(self) -> None:
        super().__init__()
        self._told = threading.Event()
        self.was_told_early = False

    def on_event(self, occasion: Occasion) -> list[int]:
        self._told.set()
        return super().on_event(occasion)

    def start(self) -> None:
        self.was_told_early = self._told.wait(0.5)


class Releasing(Recorder):
    """One at whose end a receiver answers."""

    def __init__(self, receiver: Slow) -> None:
        super().__init__()
        self._receiver = receiver

    def close(self) -> None:
        self._receiver.may_answer.set()


def begin(directory: Path, template: Path, engine: ActionsSide) -> World:
    server = Server(Settings(directory=directory, template_from=template, with_actions=False))
    server.site.actions = engine
    server.start()
    return World(server)


def test_the_engine_hears_of_nothing_before_it_has_started(tmp_path: Path, template: Path) -> None:
    engine = Starting()
    world = begin(tmp_path, template, engine)
    eventually(lambda: engine.occasions)
    world.close()
    assert not engine.was_told_early


def test_the_engine_is_closed_before_a_receiver_is_waited_for(tmp_path: Path, template: Path) -> None:
    slow = Slow()
    try:
        world = begin(tmp_path, template, Releasing(slow))
        repository = world.repository()
        hooked = {"config": {"url": slow.url}, "events": ["push"]}
        world.bot("POST", f"/repos/{repository}/hooks", 201, hooked)
        eventually(lambda: slow.seen)
        world.close()
        database = Database(tmp_path / "github.sqlite3")
        codes = [row["status_code"] for row in database.all("SELECT status_code FROM deliveries")]
        database.close()
        assert codes == [502]  # it hung up: had nobody let it go, it would have been given up with 504
    finally:
        slow.close()
