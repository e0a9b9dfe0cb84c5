import threading
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest
import responses

from app.errors import RateLimited
from app.github.client import GitHub
from app.github.limits import allowance
from app.github.repositories import GitHubRepositories
from app.github.runs import GitHubRuns
from app.pacing.ledgers import LocalLedgers
from app.pacing.pacer import Pacer
from tests.fakes.pace import FakeTime
from tests.integration.github.recorded import REPOSITORY, SETTINGS, SHOP


def pacer(time: FakeTime) -> Pacer:
    limits = allowance(replace(SETTINGS, write_pause_seconds=1))
    return Pacer(limits, LocalLedgers(time.stamp), time.now, monotonic=time.monotonic, sleep=time.sleep)


def test_writes_take_turns_over_all_threads_and_reads_do_not(http: responses.RequestsMock) -> None:
    time, sent = FakeTime(), list[float]()
    github = GitHub(SETTINGS, time.now, pace=pacer(time), on_write=lambda *_: sent.append(time.seconds))
    http.get(SHOP, json=REPOSITORY)
    http.post(f"{SHOP}/actions/runs/1/cancel", status=202, json={})

    def work() -> None:
        GitHubRepositories(github).find("acme/shop")
        GitHubRuns(github).cancel("acme/shop", 1)

    for _ in range(4):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=60)
    assert sent == pytest.approx([0, 1.15, 2.3, 3.45])


def test_what_github_says_is_left_is_kept(http: responses.RequestsMock) -> None:
    time = FakeTime()
    runs = GitHubRuns(GitHub(SETTINGS, time.now, pace=pacer(time)))
    reset = int(time.now().timestamp()) + 900
    headers = {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Resource": "core",
        "Date": format_datetime(time.now()),
    }
    http.post(f"{SHOP}/actions/runs/1/cancel", status=202, json={}, headers=headers)
    time.offset = timedelta(minutes=5)  # it is GitHub's clock that counts
    runs.cancel("acme/shop", 1)
    with pytest.raises(RateLimited) as limited:
        runs.cancel("acme/shop", 1)
    assert limited.value.retry_at == time.now() + timedelta(seconds=900)
    assert len(http.calls) == 1


def test_each_thread_has_a_connection_of_its_own(github: GitHub) -> None:
    requesters = [github.requester]
    thread = threading.Thread(target=lambda: requesters.append(github.requester))
    thread.start()
    thread.join(timeout=60)
    assert requesters[0] is github.requester
    assert requesters[1] is not requesters[0]
