import threading
from datetime import timedelta

import pytest
import responses

from app.errors import RateLimited
from app.github.client import GitHub
from app.github.pacing import Pacer
from app.github.repositories import GitHubRepositories
from app.github.runs import GitHubRuns
from tests.integration.github.recorded import NOW, REPOSITORY, SETTINGS, SHOP


def test_writes_take_turns_over_all_threads_and_reads_do_not(http: responses.RequestsMock) -> None:
    pauses: list[float] = []
    pacer = Pacer(1.0, lambda: NOW, monotonic=lambda: 100.0, sleep=pauses.append)
    github = GitHub(SETTINGS, lambda: NOW, pacer=pacer)
    http.get(SHOP, json=REPOSITORY)
    http.post(f"{SHOP}/actions/runs/1/cancel", status=202, json={})

    def work() -> None:
        GitHubRepositories(github).find("acme/shop")
        GitHubRuns(github).cancel("acme/shop", 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(pauses) == [1.0, 2.0, 3.0]


def test_a_write_that_waited_for_its_turn_is_not_sent_into_a_rate_limit(http: responses.RequestsMock) -> None:
    def sleep(_seconds: float) -> None:
        pacer.be_silent_until(NOW + timedelta(seconds=30))  # another thread was told so meanwhile

    pacer = Pacer(1.0, lambda: NOW, monotonic=lambda: 100.0, sleep=sleep)
    runs = GitHubRuns(GitHub(SETTINGS, lambda: NOW, pacer=pacer))
    http.post(f"{SHOP}/actions/runs/1/cancel", status=202, json={})
    runs.cancel("acme/shop", 1)
    with pytest.raises(RateLimited) as limited:
        runs.cancel("acme/shop", 1)
    assert limited.value.retry_at == NOW + timedelta(seconds=30)
    assert len(http.calls) == 1


def test_each_thread_has_a_connection_of_its_own(github: GitHub) -> None:
    requesters = [github.requester]
    thread = threading.Thread(target=lambda: requesters.append(github.requester))
    thread.start()
    thread.join(timeout=10)
    assert requesters[0] is github.requester
    assert requesters[1] is not requesters[0]
