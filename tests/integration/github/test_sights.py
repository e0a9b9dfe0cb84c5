"""What GitHub's GraphQL API answers, in all its shapes: data, errors, and both at once."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses

from app.errors import RateLimited, RemoteForbidden, RemoteUnavailable
from app.github.client import GitHub
from app.github.sights import GitHubSights
from app.ports import Asked, Sight, Unseen
from app.ports.sights import MOST_AT_ONCE
from tests.accounts import github_settings
from tests.integration.github.recorded import NOW, sent

GRAPHQL = "http://github.test:8080/api/graphql"
HEAD = "a" * 40
NO_PULLS = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": []}
SHOP, GONE = Asked(7, "acme/shop", ["main"], ["a.yml"]), Asked(8, "acme/gone")


def a_suite(run_id: int, **changes: Any) -> dict[str, Any]:
    run = {
        "url": f"https://github.test/acme/shop/actions/runs/{run_id}",
        "runNumber": 3,
        "file": {"path": ".github/workflows/deploy.yml"},
        "workflow": {"resourcePath": "/acme/shop/actions/workflows/deploy.yml"},
    }
    return {"status": "COMPLETED", "conclusion": "SUCCESS", "workflowRun": {**run, **changes}}


def a_commit(*suites: Any) -> dict[str, Any]:
    return {"oid": HEAD, "checkSuites": {"nodes": list(suites)}}


def a_pull(number: int, **changes: Any) -> dict[str, Any]:
    pull = {
        "number": number,
        "title": "Say hello",
        "url": f"https://github.test/acme/shop/pull/{number}",
        "updatedAt": "2026-11-22T11:00:00Z",
        "headRefName": "hello",
        "headRefOid": HEAD,
        "isCrossRepository": False,
        "author": {"login": "ada"},
        "headRepository": {"databaseId": 7},
        "commits": {"nodes": [{"commit": a_commit()}]},
    }
    return {**pull, **changes}


def a_repository(repository_id: int = 7, **changes: Any) -> dict[str, Any]:
    found = {
        "databaseId": repository_id,
        "nameWithOwner": "acme/shop",
        "isArchived": False,
        "defaultBranchRef": {"name": "main"},
        "pullRequests": NO_PULLS,
        "b0": {"target": a_commit()},
        "f0": {"oid": "b" * 40},
    }
    return {**found, **changes}


def pulls(*nodes: Any, cursor: str | None = None) -> dict[str, Any]:
    page = {"hasNextPage": cursor is not None, "endCursor": cursor}
    return {"pageInfo": page, "nodes": list(nodes)}


def look(github: GitHub, *asked: Asked) -> Any:
    return GitHubSights(github).look(asked or [SHOP])


def seen(github: GitHub) -> Sight:
    found = look(github)[7]
    assert isinstance(found, Sight)
    return found


def answer(http: responses.RequestsMock, repository: Any, **more: Any) -> None:
    http.post(GRAPHQL, json={"data": {"r7": repository}, **more})


def test_one_question_is_asked_beside_the_rest_api_and_is_no_write(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    answer(http, a_repository())
    found = seen(github)
    assert (found.heads["main"].commit, found.files) == (HEAD, {"a.yml": "b" * 40})
    assert writes == []
    variables = sent(http)["variables"]
    assert variables == {"o7": "acme", "n7": "shop", "b7_0": "refs/heads/main", "f7_0": "HEAD:a.yml"}


def test_on_github_itself_it_is_asked_where_github_answers(http: responses.RequestsMock) -> None:
    http.post("https://api.github.com:443/graphql", json={"data": {"r7": a_repository()}})
    github = GitHub(github_settings("https://api.github.com"), lambda: NOW)
    assert isinstance(look(github)[7], Sight)


def test_text_of_others_is_never_part_of_the_question(http: responses.RequestsMock, github: GitHub) -> None:
    hostile = 'x") { id } evil: viewer { login } #'
    http.post(GRAPHQL, json={"data": {"r7": a_repository(b0=None, f0=None)}})
    look(github, Asked(7, f"acme/{hostile}", [hostile], [hostile]))
    assert "evil" not in sent(http)["query"]
    assert sent(http)["variables"]["b7_0"] == f"refs/heads/{hostile}"


def test_what_is_empty_has_no_default_branch(http: responses.RequestsMock, github: GitHub) -> None:
    answer(http, a_repository(defaultBranchRef=None, b0=None, f0=None))
    found = seen(github)
    assert (found.default_branch, found.heads, found.files) == (None, {}, {"a.yml": None})


def test_the_newest_run_of_our_workflow_is_told_whatever_its_size(
    http: responses.RequestsMock, github: GitHub
) -> None:
    newest = 2**40 + 1
    other = a_suite(2**40 + 9, file={"path": ".github/workflows/test.yml"})
    by_name = a_suite(5, file=None)
    suites = [by_name, a_suite(newest), a_suite(2**40), other, {"status": "QUEUED", "workflowRun": None}]
    answer(http, a_repository(b0={"target": a_commit(*suites)}))
    run = seen(github).heads["main"].run
    assert run
    assert (run.id, run.number, run.status, run.conclusion) == (newest, 3, "completed", "success")


def test_a_run_that_goes_on_has_no_conclusion(http: responses.RequestsMock, github: GitHub) -> None:
    going_on = a_suite(5) | {"status": "IN_PROGRESS", "conclusion": None}
    answer(http, a_repository(b0={"target": a_commit(going_on)}))
    run = seen(github).heads["main"].run
    assert run
    assert (run.status, run.conclusion) == ("in_progress", None)


def test_pull_requests_of_forks_and_of_nobody_are_seen(http: responses.RequestsMock, github: GitHub) -> None:
    fork = a_pull(2, isCrossRepository=True, headRepository={"databaseId": 9})
    nobody = a_pull(1, author=None, headRepository=None, commits={"nodes": []})
    answer(http, a_repository(pullRequests=pulls(fork, nobody)))
    first, second = seen(github).pulls
    assert (first.is_from_fork, first.head_repository_id, first.author) == (True, 9, "ada")
    assert (second.author, second.head_repository_id, second.head.commit) == ("ghost", None, HEAD)
    assert first.updated_at == datetime(2026, 11, 22, 11, tzinfo=UTC)


def test_a_run_of_another_commit_than_the_head_is_not_told(
    http: responses.RequestsMock, github: GitHub
) -> None:
    older = {"nodes": [{"commit": {**a_commit(a_suite(5)), "oid": "c" * 40}}]}
    answer(http, a_repository(pullRequests=pulls(a_pull(1, commits=older))))
    assert seen(github).pulls[0].head.run is None


def test_only_what_github_calls_absent_is_absent(http: responses.RequestsMock, github: GitHub) -> None:
    asked = [Asked(number, f"acme/{number}") for number in range(1, 7)]
    errors = [
        {"type": "NOT_FOUND", "path": ["r1"], "message": "Could not resolve to a Repository"},
        {"type": "FORBIDDEN", "path": ["r2"], "message": "Resource protected by organization SAML"},
        {"type": "INTERNAL", "path": ["r3"], "message": "Something went wrong"},
        {"type": "NOT_FOUND", "path": ["r5", "pullRequests", "nodes", 0], "message": "Could not resolve"},
    ]
    data = {f"r{number}": None for number in range(1, 7)} | {"r5": a_repository(5), "r6": a_repository(7)}
    http.post(GRAPHQL, json={"data": data, "errors": errors})
    found = look(github, *asked)
    assert found[1] is None
    assert isinstance(found[2], Unseen)
    assert isinstance(found[2].error, RemoteForbidden)
    for number in (3, 4, 5):  # an error, nothing at all, a part
        assert isinstance(found[number], Unseen)
        assert isinstance(found[number].error, RemoteUnavailable)
    assert found[6] is None  # somebody made another of that name


def test_runs_that_may_not_be_read_hide_nothing_else(http: responses.RequestsMock, github: GitHub) -> None:
    path = ["r7", "b0", "target", "checkSuites"]
    refused = {"type": "FORBIDDEN", "path": path, "message": "Resource not accessible by integration"}
    answer(http, a_repository(b0={"target": {"oid": HEAD, "checkSuites": None}}), errors=[refused])
    head = seen(github).heads["main"]
    assert (head.commit, head.run) == (HEAD, None)


@pytest.mark.parametrize(
    "broken",
    [
        {"databaseId": None},
        {"nameWithOwner": None},
        {"pullRequests": None},
        {"pullRequests": pulls(None)},
        {"pullRequests": pulls(a_pull(1, headRefOid=None))},
        {"pullRequests": pulls(a_pull(1, updatedAt="yesterday"))},
        {"b0": {"target": None}},
        {"b0": []},
        {"f0": {"oid": 5}},
        {"b0": {"target": a_commit(a_suite(5, runNumber="x"))}},
    ],
)
def test_an_answer_of_another_shape_is_no_answer(
    http: responses.RequestsMock, github: GitHub, broken: dict[str, Any]
) -> None:
    answer(http, a_repository(**broken))
    found = look(github)[7]
    assert isinstance(found, Unseen)
    assert found.error.message.startswith("looking at acme/shop: ")


@pytest.mark.parametrize("whole", [{"data": None}, {}, [], {"data": {}, "errors": [{"message": "no path"}]}])
def test_an_answer_without_data_is_an_outage(
    http: responses.RequestsMock, github: GitHub, whole: Any
) -> None:
    http.post(GRAPHQL, json=whole)
    with pytest.raises(RemoteUnavailable):
        look(github)


@pytest.mark.parametrize("kind", ["RATE_LIMITED", "RATE_LIMIT"])
def test_used_up_points_are_a_rate_limit_although_the_status_is_200(
    http: responses.RequestsMock, github: GitHub, kind: str
) -> None:
    reset = int((NOW + timedelta(minutes=20)).timestamp())
    headers = {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Resource": "graphql",
    }
    errors = [{"type": kind, "message": "API rate limit exceeded for installation ID 1."}]
    http.post(GRAPHQL, json={"errors": errors}, headers=headers)
    with pytest.raises(RateLimited) as limited:
        look(github)
    assert limited.value.retry_at == NOW + timedelta(minutes=20)
    assert len(http.calls) == 1


def many(number: int) -> list[Asked]:
    return [Asked(index, f"acme/{index}") for index in range(1, number + 1)]


def _of_part(most: int, refusal: tuple[int, dict[str, str], str]) -> Any:
    """Return what answers a question of up to so many repositories, and refuses a larger one."""

    def answered(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert isinstance(request.body, str | bytes)
        asked = [int(it) for it in re.findall(r"\br(\d+): repository", json.loads(request.body)["query"])]
        if len(asked) > most:
            return refusal
        return (
            200,
            {"Content-Type": "application/json"},
            json.dumps({"data": {f"r{number}": a_repository(number) for number in asked}}),
        )

    return answered


_TOO_MUCH = json.dumps(
    {"data": None, "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "path": ["r1"], "message": "limits"}]}
)
_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "refusal", [(200, _JSON, _TOO_MUCH), (502, _JSON, '{"message": "Bad Gateway"}'), (504, {}, "<html>")]
)
def test_what_is_too_much_at_once_is_asked_for_in_parts(
    http: responses.RequestsMock, github: GitHub, refusal: tuple[int, dict[str, str], str]
) -> None:
    http.add_callback("POST", GRAPHQL, _of_part(50, refusal))
    found = look(github, *many(MOST_AT_ONCE))
    assert len(found) == MOST_AT_ONCE
    assert all(isinstance(it, Sight) for it in found.values())
    assert len(http.calls) == 3


def test_one_that_is_never_shown_hides_no_others(http: responses.RequestsMock, github: GitHub) -> None:
    answer_others = _of_part(MOST_AT_ONCE, (0, {}, ""))

    def answered(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert isinstance(request.body, str | bytes)
        if "r5: repository" in json.loads(request.body)["query"]:
            return 502, _JSON, '{"message": "Bad Gateway"}'
        return answer_others(request)  # type: ignore[no-any-return]

    http.add_callback("POST", GRAPHQL, answered)
    found = look(github, *many(30))
    assert [key for key, it in found.items() if isinstance(it, Unseen)] == [5]
    assert len(found) == 30
    with pytest.raises(RemoteUnavailable):
        look(github, many(5)[-1])


def test_an_outage_costs_few_questions(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(GRAPHQL, status=502, json={"message": "Bad Gateway"})
    with pytest.raises(RemoteUnavailable):
        look(github, *many(MOST_AT_ONCE))
    assert len(http.calls) == 7


def test_more_pull_requests_are_asked_for_in_one_question(
    http: responses.RequestsMock, github: GitHub
) -> None:
    first = {
        f"r{number}": a_repository(number, pullRequests=pulls(a_pull(9), cursor="c9")) for number in (1, 2)
    }
    second = {
        "r1": a_repository(1, pullRequests=pulls(a_pull(9), a_pull(8))),
        "r2": a_repository(2, pullRequests=pulls(a_pull(7), cursor="c7")),
    }
    third = {"r2": a_repository(2, pullRequests=pulls(a_pull(6)))}
    for data in (first, second, third):
        http.post(GRAPHQL, json={"data": data})
    found = look(github, *many(2))
    assert [pull.number for pull in found[1].pulls] == [9, 8]
    assert [pull.number for pull in found[2].pulls] == [9, 7, 6]
    assert [call.request.url for call in http.calls] == [GRAPHQL] * 3
    assert sent(http, 1)["variables"]["c1"] == "c9"
    assert sent(http, 2)["variables"] == {"o2": "acme", "n2": "shop", "c2": "c7"}


def test_whose_pages_fail_is_not_seen_at_all(http: responses.RequestsMock, github: GitHub) -> None:
    first = {
        f"r{number}": a_repository(number, pullRequests=pulls(a_pull(9), cursor="c")) for number in (1, 2)
    }
    http.post(GRAPHQL, json={"data": first})
    gone = {"type": "NOT_FOUND", "path": ["r1"], "message": "Could not resolve"}
    http.post(GRAPHQL, json={"data": {"r1": None, "r2": a_repository(5)}, "errors": [gone]})
    found = look(github, *many(2))
    assert isinstance(found[1], Unseen)
    assert isinstance(found[2], Unseen)


def test_pages_without_end_are_given_up(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(GRAPHQL, json={"data": {"r7": a_repository(pullRequests=pulls(a_pull(1), cursor="again"))}})
    found = look(github)[7]
    assert isinstance(found, Unseen)
    assert "more than 2010 are open" in found.error.message
    assert len(http.calls) == 41


def test_more_than_fit_is_our_mistake(github: GitHub) -> None:
    with pytest.raises(ValueError, match="101 repositories"):
        look(github, *many(MOST_AT_ONCE + 1))
