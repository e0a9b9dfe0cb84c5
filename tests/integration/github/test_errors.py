from datetime import timedelta
from email.utils import format_datetime

import pytest
import requests
import responses
from responses import matchers

from app.errors import (
    BranchlineError,
    RateLimited,
    RemoteConflict,
    RemoteForbidden,
    RemoteMissing,
    RemoteRefused,
    RemoteUnavailable,
)
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.limits import allowance
from app.github.repositories import GitHubRepositories
from app.github.runs import GitHubRuns
from app.pacing.ledgers import LocalLedgers
from app.pacing.pacer import Pacer
from tests.fakes.pace import FakeTime
from tests.integration.github.recorded import API, NOW, SETTINGS, SHOP


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"message": "Problems parsing JSON"}, RemoteRefused),
        (401, {"message": "Bad credentials"}, RemoteForbidden),
        (403, {"message": "Resource not accessible by integration"}, RemoteForbidden),
        (404, {"message": "Not Found"}, RemoteMissing),
        (408, {"message": "Request Timeout"}, RemoteUnavailable),
        (409, {"message": "Git Repository is empty."}, RemoteConflict),
        (410, {"message": "Gone"}, RemoteMissing),
        (422, {"message": "Validation Failed"}, RemoteConflict),
        (451, {"message": "Repository access blocked"}, RemoteForbidden),
        (500, {"message": "Server Error"}, RemoteUnavailable),
        (502, {"message": "Bad Gateway"}, RemoteUnavailable),
        (503, {"message": "No server is available"}, RemoteUnavailable),
    ],
)
def test_an_error_says_who_can_fix_it(
    http: responses.RequestsMock,
    github: GitHub,
    status: int,
    body: dict[str, str],
    expected: type[BranchlineError],
) -> None:
    http.post(f"{SHOP}/issues/1/comments", status=status, json=body, headers={"X-GitHub-Request-Id": "A:1"})
    with pytest.raises(BranchlineError) as caught:
        GitHubComments(github).create("acme/shop", 1, "hello")
    assert type(caught.value) is expected
    assert caught.value.message == f"commenting on acme/shop#1: {body['message']}"
    assert caught.value.details == {"status": status, "request_id": "A:1"}


def test_an_error_tells_githubs_particulars(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(
        f"{API}/repos/acme/template/forks",
        status=422,
        json={
            "message": "Validation Failed",
            "errors": [{"resource": "Repository", "field": "name", "message": "name already taken"}, "odd"],
        },
    )
    with pytest.raises(
        RemoteConflict,
        match=r"^forking acme/template into acme/shop: Validation Failed; name already taken; odd$",
    ):
        GitHubRepositories(github).fork("acme/template", "acme", "shop")


LIMITS = [
    pytest.param(403, "API rate limit exceeded", {"X-RateLimit-Remaining": "0"}, 1800, id="primary"),
    pytest.param(429, "API rate limit exceeded", {"X-RateLimit-Remaining": "0"}, 1800, id="primary-429"),
    pytest.param(403, "You have exceeded a secondary rate limit", {"Retry-After": "17"}, 17, id="secondary"),
    pytest.param(429, "Too many requests", {"Retry-After": "17"}, 17, id="secondary-429"),
    pytest.param(403, "You have exceeded a secondary rate limit.", {}, 60, id="unstated"),
    pytest.param(403, "You have triggered an abuse detection mechanism", {}, 60, id="abuse"),
    pytest.param(403, "anything", {"Retry-After": "soon"}, 60, id="unreadable"),
    pytest.param(429, "anything", {"Retry-After": "0"}, 1, id="at-once"),
    pytest.param(429, "anything", {"Retry-After": "999999"}, 3600, id="absurd"),
]


@pytest.mark.parametrize(("status", "message", "headers", "seconds"), LIMITS)
def test_a_rate_limit_says_when_to_come_back(  # noqa: PLR0917 - fixtures and one row
    http: responses.RequestsMock,
    github: GitHub,
    status: int,
    message: str,
    headers: dict[str, str],
    seconds: int,
) -> None:
    reset = str(int((NOW + timedelta(seconds=1800)).timestamp()))
    http.get(SHOP, status=status, json={"message": message}, headers={"X-RateLimit-Reset": reset, **headers})
    with pytest.raises(RateLimited, match=r"^finding acme/shop: ") as caught:
        GitHubRepositories(github).find("acme/shop")
    assert caught.value.retry_at == NOW + timedelta(seconds=seconds)


def test_the_end_of_a_rate_limit_is_told_by_githubs_clock(
    http: responses.RequestsMock, github: GitHub
) -> None:
    theirs = NOW - timedelta(minutes=40)  # our clock is ahead
    headers = {
        "Date": format_datetime(theirs, usegmt=True),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(theirs.timestamp()) + 1800),
    }
    http.get(SHOP, status=403, json={"message": "API rate limit exceeded"}, headers=headers)
    with pytest.raises(RateLimited) as caught:
        GitHubRepositories(github).find("acme/shop")
    assert caught.value.retry_at == NOW + timedelta(seconds=1800)


def test_after_a_rate_limit_nothing_is_sent_until_it_ends(http: responses.RequestsMock) -> None:
    time = FakeTime()
    pace = Pacer(allowance(SETTINGS), LocalLedgers(time.stamp), time.now, monotonic=time.monotonic)
    github = GitHub(SETTINGS, time.now, pace=pace)
    http.get(SHOP, status=429, json={"message": "slow"}, headers={"Retry-After": "30"})
    with pytest.raises(RateLimited):
        GitHubRepositories(github).find("acme/shop")
    with pytest.raises(RateLimited, match="cancelling run 1") as caught:
        GitHubRuns(github).cancel("acme/shop", 1)
    assert caught.value.retry_at == time.now() + timedelta(seconds=30)
    assert len(http.calls) == 1
    time.sleep(30)
    http.post(f"{SHOP}/actions/runs/1/cancel", status=202, json={})
    GitHubRuns(github).cancel("acme/shop", 1)


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("refused"),
        requests.Timeout("slow"),
        requests.exceptions.ChunkedEncodingError("cut off"),
    ],
)
def test_no_answer_is_unavailable_and_the_write_is_not_repeated(
    http: responses.RequestsMock, github: GitHub, error: requests.RequestException
) -> None:
    http.post(f"{API}/repos/acme/template/forks", body=error)
    with pytest.raises(
        RemoteUnavailable, match=f"did not answer properly \\({type(error).__name__}\\)"
    ) as caught:
        GitHubRepositories(github).fork("acme/template", "acme", "shop")
    assert len(http.calls) == 1
    assert "ghp_" not in str(caught.value)


def test_a_server_error_is_not_repeated(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(f"{API}/repos/acme/template/forks", status=502, body="<html>Unicorn!")
    with pytest.raises(RemoteUnavailable):
        GitHubRepositories(github).fork("acme/template", "acme", "shop")
    assert len(http.calls) == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>Sign in", "text/html"),
        ('{"id": 7, "full_na', "application/json"),
        ('{"id": "7", "full_name": 5}', "application/json"),
    ],
)
def test_an_answer_that_is_no_json_is_unavailable(
    http: responses.RequestsMock, github: GitHub, body: str, content_type: str
) -> None:
    http.get(SHOP, body=body, content_type=content_type)
    with pytest.raises(RemoteUnavailable):
        GitHubRepositories(github).find("acme/shop")


def test_a_write_follows_a_renamed_repository(http: responses.RequestsMock, github: GitHub) -> None:
    moved = f"{API}/repositories/7/issues/1/comments"
    http.post(f"{SHOP}/issues/1/comments", status=307, json={"url": moved}, headers={"Location": moved})
    http.post(moved, json={"id": 5}, match=[matchers.json_params_matcher({"body": "hello"})])
    assert GitHubComments(github).create("acme/shop", 1, "hello") == 5


@pytest.mark.parametrize("location", ["https://evil.test/repos/acme/shop", "", f"{SHOP}/issues/1/comments"])
def test_a_redirect_to_elsewhere_or_in_a_circle_is_refused(
    http: responses.RequestsMock, github: GitHub, location: str
) -> None:
    http.post(f"{SHOP}/issues/1/comments", status=307, json={}, headers={"Location": location})
    with pytest.raises(RemoteRefused, match="redirected"):
        GitHubComments(github).create("acme/shop", 1, "hello")
