"""The adapters of the code host's ports, against recorded answers: what is sent, and what errors become."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses
from nacl.public import PrivateKey, SealedBox
from responses import matchers

from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import Environment
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
from app.github.contents import GitHubContents
from app.github.pacing import Pacer
from app.github.publications import GitHubPublications
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.github.runs import GitHubRuns
from app.ports import File
from app.settings import GitHubSettings, Secret

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
API = "http://github.test:8080/api/v3"
SHOP = f"{API}/repos/acme/shop"
TOKEN = "ghp_token_of_the_test"
SETTINGS = GitHubSettings(
    api_url=API,
    org="acme",
    template_repo="acme/template",
    webhook_secret=Secret("webhook-secret-of-the-test"),
    token=Secret(TOKEN),
    app_id=None,
    private_key=None,
    write_pause_seconds=0,
)
REPOSITORY: dict[str, Any] = {
    "id": 7,
    "full_name": "acme/shop",
    "html_url": "https://github.com/acme/shop",
    "clone_url": "https://github.com/acme/shop.git",
    "default_branch": "main",
    "private": False,
    "fork": True,
    "parent": {"id": 1, "full_name": "acme/template"},
    "created_at": "2026-11-22T11:59:00Z",
}


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def writes() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def github(writes: list[tuple[str, str]]) -> GitHub:
    return GitHub(SETTINGS, lambda: NOW, on_write=lambda verb, path: writes.append((verb, path)))


def sent(http: responses.RequestsMock, index: int = -1) -> Any:
    body = http.calls[index].request.body
    assert isinstance(body, str | bytes)
    return json.loads(body)


def query(http: responses.RequestsMock, index: int = 0) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(http.calls[index].request.url)).query))


# ------------------------------------------------------------------------------------------------- errors


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


def test_after_a_rate_limit_nothing_is_sent_until_it_ends(http: responses.RequestsMock) -> None:
    now = NOW
    github = GitHub(SETTINGS, lambda: now)
    http.get(SHOP, status=429, json={"message": "slow"}, headers={"Retry-After": "30"})
    with pytest.raises(RateLimited):
        GitHubRepositories(github).find("acme/shop")
    with pytest.raises(RateLimited, match="cancelling run 1") as caught:
        GitHubRuns(github).cancel("acme/shop", 1)
    assert caught.value.retry_at == NOW + timedelta(seconds=30)
    assert len(http.calls) == 1
    now = NOW + timedelta(seconds=30)
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
    assert TOKEN not in str(caught.value)


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


# ------------------------------------------------------------------------------------------ pacing, threads


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


def test_each_thread_has_a_connection_of_its_own(github: GitHub) -> None:
    requesters = [github.requester]
    thread = threading.Thread(target=lambda: requesters.append(github.requester))
    thread.start()
    thread.join(timeout=10)
    assert requesters[0] is github.requester
    assert requesters[1] is not requesters[0]


# -------------------------------------------------------------------------------------------- repositories


def test_a_repository_is_described(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(SHOP, json=REPOSITORY)
    found = GitHubRepositories(github).find("acme/shop")
    assert found is not None
    assert (found.id, found.full_name, found.parent_full_name) == (7, "acme/shop", "acme/template")
    assert found.created_at == datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
    assert len(http.calls) == 1


def test_an_absent_repository_is_none_and_an_unreadable_one_is_an_error(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.get(SHOP, status=404, json={"message": "Not Found"})
    assert GitHubRepositories(github).find("acme/shop") is None
    http.replace("GET", SHOP, status=403, json={"message": "Forbidden"})
    with pytest.raises(RemoteForbidden):
        GitHubRepositories(github).find("acme/shop")


def test_a_fork_names_owner_and_name_and_costs_one_write(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    http.post(f"{API}/repos/acme/template/forks", status=202, json=REPOSITORY)
    fork = GitHubRepositories(github).fork("acme/template", "acme", "shop")
    assert fork.full_name == "acme/shop"
    assert sent(http) == {"organization": "acme", "name": "shop", "default_branch_only": True}
    assert writes == [("POST", "/repos/acme/template/forks")]
    assert len(http.calls) == 1


def test_a_repository_is_generated_in_one_call(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(
        f"{API}/repos/acme/template/generate", status=201, json=REPOSITORY | {"fork": False, "parent": None}
    )
    made = GitHubRepositories(github).generate("acme/template", "acme", "shop", is_private=True)
    assert (made.is_fork, made.parent_full_name) == (False, None)
    assert sent(http) == {"owner": "acme", "name": "shop", "private": True}
    assert len(http.calls) == 1


@pytest.mark.parametrize(("is_enabled", "expected"), [(True, 0), (False, 1)])
def test_actions_are_enabled_only_where_they_are_off(
    http: responses.RequestsMock,
    github: GitHub,
    writes: list[tuple[str, str]],
    *,
    is_enabled: bool,
    expected: int,
) -> None:
    http.get(f"{SHOP}/actions/permissions", json={"enabled": is_enabled})
    if not is_enabled:
        http.put(f"{SHOP}/actions/permissions", status=204)
    GitHubRepositories(github).enable_actions("acme/shop")
    assert len(writes) == expected


@pytest.mark.parametrize("status", [204, 404])
def test_deleting_twice_is_fine(http: responses.RequestsMock, github: GitHub, status: int) -> None:
    http.delete(SHOP, status=status, json={"message": "Not Found"} if status == 404 else None)
    GitHubRepositories(github).delete("acme/shop")


# ------------------------------------------------------------------------------------------------ contents

PARENT, TREE, MADE_TREE, BLOB, MADE = "a" * 40, "b" * 40, "c" * 40, "d" * 40, "e" * 40


def expect_commit(http: responses.RequestsMock, branch: str = "main", *, is_moved: bool = False) -> None:
    http.get(f"{SHOP}/git/commits/{PARENT}", json={"sha": PARENT, "tree": {"sha": TREE}})
    http.post(f"{SHOP}/git/trees", status=201, json={"sha": MADE_TREE})
    http.post(f"{SHOP}/git/commits", status=201, json={"sha": MADE})
    refused = {"message": "Update is not a fast forward"}
    http.patch(
        f"{SHOP}/git/refs/heads/{branch}",
        status=422 if is_moved else 200,
        json=refused if is_moved else {"ref": f"refs/heads/{branch}", "object": {"sha": MADE}},
    )


def test_a_commit_of_any_number_of_texts_is_three_writes(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    expect_commit(http)
    files = [File(f"src/{n}.ts", f"// {n} é\r\n".encode()) for n in range(50)]
    assert GitHubContents(github).commit("acme/shop", "main", files, "Set up", parent=PARENT) == MADE
    assert [verb for verb, _ in writes] == ["POST", "POST", "PATCH"]
    tree = sent(http, 1)
    assert tree["base_tree"] == TREE
    assert tree["tree"][3] == {"path": "src/3.ts", "mode": "100644", "type": "blob", "content": "// 3 é\r\n"}
    assert sent(http, 2) == {"message": "Set up", "tree": MADE_TREE, "parents": [PARENT]}
    assert sent(http, 3) == {"sha": MADE, "force": False}


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\xff", b"text with \0 inside", "utf-16".encode("utf-16")])
def test_what_is_not_text_travels_as_a_blob(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]], content: bytes
) -> None:
    expect_commit(http)
    http.post(f"{SHOP}/git/blobs", status=201, json={"sha": BLOB})
    files = [File("run.sh", b"#!/bin/sh\n", mode="100755"), File("icon", content)]
    GitHubContents(github).commit("acme/shop", "main", files, "Set up", parent=PARENT)
    assert len(writes) == 4
    blob, tree = sent(http, 1), sent(http, 2)
    assert base64.b64decode(blob["content"]) == content
    assert blob["encoding"] == "base64"
    assert tree["tree"] == [
        {"path": "run.sh", "mode": "100755", "type": "blob", "content": "#!/bin/sh\n"},
        {"path": "icon", "mode": "100644", "type": "blob", "sha": BLOB},
    ]


def test_a_branch_that_moved_is_a_conflict(http: responses.RequestsMock, github: GitHub) -> None:
    expect_commit(http, is_moved=True)
    with pytest.raises(RemoteConflict, match="committing 1 files to main in acme/shop: Update is not a fast"):
        GitHubContents(github).commit("acme/shop", "main", [File("a", b"a")], "m", parent=PARENT)


def test_a_branch_with_slashes_and_odd_characters_is_addressed_rightly(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.get(f"{SHOP}/git/ref/heads/feature/a%23b", json={"object": {"sha": MADE}})
    assert GitHubContents(github).head("acme/shop", "feature/a#b") == MADE


@pytest.mark.parametrize("status", [404, 409])
def test_an_absent_branch_or_an_empty_repository_has_no_head(
    http: responses.RequestsMock, github: GitHub, status: int
) -> None:
    http.get(f"{SHOP}/git/ref/heads/main", status=status, json={"message": "Git Repository is empty."})
    assert GitHubContents(github).head("acme/shop", "main") is None


def test_a_commit_is_found_by_a_whole_line(http: responses.RequestsMock, github: GitHub) -> None:
    messages = [
        "x\n\nBranchline-App: app_10",
        "x\n\nBranchline-App: app_1\nSigned-off-by: a",
        "Branchline-App: app_1",
    ]
    commits = [{"sha": str(n) * 40, "commit": {"message": message}} for n, message in enumerate(messages)]
    http.get(f"{SHOP}/commits", json=commits)
    assert GitHubContents(github).find_commit("acme/shop", "main", "Branchline-App: app_1") == "1" * 40
    assert GitHubContents(github).find_commit("acme/shop", "main", "Branchline-App: app_2") is None
    assert query(http) == {"sha": "main", "per_page": "100"}


def test_a_branch_that_exists_is_left_alone(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    http.get(f"{SHOP}/git/ref/heads/staging", json={"object": {"sha": PARENT}})
    GitHubContents(github).ensure_branch("acme/shop", "staging", MADE)
    assert writes == []


def test_an_absent_branch_is_created(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(f"{SHOP}/git/ref/heads/staging", status=404, json={"message": "Not Found"})
    http.post(f"{SHOP}/git/refs", status=201, json={"ref": "refs/heads/staging", "object": {"sha": MADE}})
    GitHubContents(github).ensure_branch("acme/shop", "staging", MADE)
    assert sent(http) == {"ref": "refs/heads/staging", "sha": MADE}


def test_a_branch_that_somebody_else_just_created_is_fine(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.get(f"{SHOP}/git/ref/heads/staging", status=404, json={"message": "Not Found"})
    http.post(f"{SHOP}/git/refs", status=422, json={"message": "Reference already exists"})
    http.get(f"{SHOP}/git/ref/heads/staging", json={"object": {"sha": PARENT}})
    GitHubContents(github).ensure_branch("acme/shop", "staging", MADE)


# ------------------------------------------------------------------------------------ repository settings


def test_a_secret_is_sealed_so_that_only_the_repository_opens_it(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    private = PrivateKey.generate()
    public = base64.b64encode(bytes(private.public_key)).decode()
    http.get(f"{SHOP}/actions/secrets/public-key", json={"key_id": "k1", "key": public})
    http.put(f"{SHOP}/actions/secrets/BRANCHLINE_SECRET", status=201, json={})
    GitHubRepositorySettings(github).set_secret("acme/shop", "BRANCHLINE_SECRET", "whsec_é")
    assert sent(http)["key_id"] == "k1"
    sealed = base64.b64decode(sent(http)["encrypted_value"])
    assert SealedBox(private).decrypt(sealed).decode() == "whsec_é"
    assert len(writes) == 1


@pytest.mark.parametrize(
    ("known", "expected"), [(None, ["POST"]), ("other", ["PATCH"]), ("http://control.test", [])]
)
def test_a_variable_is_written_only_when_it_differs(
    http: responses.RequestsMock,
    github: GitHub,
    writes: list[tuple[str, str]],
    known: str | None,
    expected: list[str],
) -> None:
    variables = f"{SHOP}/actions/variables"
    if known is None:
        http.get(f"{variables}/URL", status=404, json={"message": "Not Found"})
        http.post(variables, status=201, json={})
    else:
        http.get(f"{variables}/URL", json={"name": "URL", "value": known})
        if expected:
            http.patch(f"{variables}/URL", status=204)
    GitHubRepositorySettings(github).set_variable("acme/shop", "URL", "http://control.test")
    assert [verb for verb, _ in writes] == expected


def hook(url: str, events: list[str], *, is_active: bool = True) -> dict[str, Any]:
    config = {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": "********"}
    return {"id": len(url), "active": is_active, "events": events, "config": config}


HOOK_URL = "https://control.test/webhooks/github"


def ensure_webhook(github: GitHub) -> None:
    settings = GitHubRepositorySettings(github)
    settings.ensure_webhook("acme/shop", HOOK_URL, "the-secret", ["push", "pull_request"])


def test_a_webhook_is_created_when_only_others_are_there(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.get(f"{SHOP}/hooks", json=[hook("https://other.test", ["push"])])
    http.post(f"{SHOP}/hooks", status=201, json={"id": 1})
    ensure_webhook(github)
    config = {"url": HOOK_URL, "content_type": "json", "secret": "the-secret", "insecure_ssl": "0"}
    assert sent(http) == {
        "name": "web",
        "active": True,
        "events": ["push", "pull_request"],
        "config": config,
    }


def test_a_right_webhook_is_left_alone(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    http.get(f"{SHOP}/hooks", json=[hook(HOOK_URL, ["pull_request", "push"])])
    ensure_webhook(github)
    assert writes == []


@pytest.mark.parametrize(
    "known", [hook(HOOK_URL, ["push"]), hook(HOOK_URL, ["push", "pull_request"], is_active=False)]
)
def test_a_wrong_webhook_is_mended_and_keeps_its_secret(
    http: responses.RequestsMock, github: GitHub, known: dict[str, Any]
) -> None:
    http.get(f"{SHOP}/hooks", json=[known])
    http.patch(f"{SHOP}/hooks/{known['id']}", json=known)
    ensure_webhook(github)
    assert sent(http)["active"] is True
    assert sent(http)["events"] == ["push", "pull_request"]
    assert sent(http)["config"]["secret"] == "the-secret"


@pytest.mark.parametrize(("is_there", "expected"), [(True, 0), (False, 1)])
def test_an_environment_that_is_there_keeps_its_rules(
    http: responses.RequestsMock,
    github: GitHub,
    writes: list[tuple[str, str]],
    *,
    is_there: bool,
    expected: int,
) -> None:
    environment = f"{SHOP}/environments/preview"
    http.get(environment, status=200 if is_there else 404, json={"message": "Not Found"})
    if not is_there:
        http.put(environment, json={})
    GitHubRepositorySettings(github).ensure_environment("acme/shop", "preview")
    assert len(writes) == expected


# ---------------------------------------------------------------------------------------------------- runs


def run(run_id: int, path: str = ".github/workflows/deploy.yml") -> dict[str, Any]:
    return {
        "id": run_id,
        "run_number": 3,
        "run_attempt": 1,
        "html_url": f"https://github.com/acme/shop/actions/runs/{run_id}",
        "status": "queued",
        "conclusion": None,
        "path": path,
    }


def test_only_runs_of_our_workflow_are_listed_newest_first(
    http: responses.RequestsMock, github: GitHub
) -> None:
    listed = [run(4), run(9, ".github/workflows/deploy.yml@main"), run(8, ".github/workflows/lint.yml")]
    http.get(f"{SHOP}/actions/runs", json={"total_count": 3, "workflow_runs": listed})
    assert [it.id for it in GitHubRuns(github).of_commit("acme/shop", MADE)] == [9, 4]
    assert query(http) == {"head_sha": MADE, "per_page": "100"}
    assert len(http.calls) == 1


def test_the_workflow_is_enabled_and_started(http: responses.RequestsMock, github: GitHub) -> None:
    workflow = f"{SHOP}/actions/workflows/deploy.yml"
    http.put(f"{workflow}/enable", status=204)
    http.post(f"{workflow}/dispatches", status=204)
    GitHubRuns(github).enable_workflow("acme/shop")
    GitHubRuns(github).dispatch("acme/shop", "main")
    assert sent(http) == {"ref": "main"}


def test_a_run_that_is_over_needs_no_cancelling(http: responses.RequestsMock, github: GitHub) -> None:
    message = "Cannot cancel a workflow run that is completed."
    http.post(f"{SHOP}/actions/runs/4/cancel", status=409, json={"message": message})
    GitHubRuns(github).cancel("acme/shop", 4)


# -------------------------------------------------------------------------------------------- publications


def deployment(environment: Environment = Environment.PREVIEW) -> Deployment:
    return Deployment(
        id="dpl_1",
        app_id="app_1",
        environment=environment,
        namespace="previews",
        script="preview-pr7-bcdf",
        branch="blue",
        commit=MADE,
        message="Blue",
        pull_request=7,
        run=Run(1, 1, 1, "https://github.com/acme/shop/actions/runs/1"),
        status=Status.BUILDING,
        created_at=NOW,
        updated_at=NOW,
    )


def test_a_record_is_found_by_our_id(
    http: responses.RequestsMock, github: GitHub, writes: list[tuple[str, str]]
) -> None:
    known = [{"id": 5, "payload": {}}, {"id": 6, "payload": '{"branchline": "dpl_1"}'}]
    http.get(f"{SHOP}/deployments", json=known)
    assert GitHubPublications(github).ensure_deployment("acme/shop", deployment()) == 6
    assert query(http) == {"sha": MADE, "environment": "preview", "per_page": "100"}
    assert writes == []


@pytest.mark.parametrize(("head", "ref"), [(MADE, "blue"), (PARENT, MADE), (None, MADE)])
@pytest.mark.parametrize("environment", list(Environment))
def test_a_record_is_created_for_the_branch_while_it_is_there(
    http: responses.RequestsMock, github: GitHub, head: str | None, ref: str, environment: Environment
) -> None:
    http.get(f"{SHOP}/deployments", json=[])
    head_answer = {"object": {"sha": head}} if head else {"message": "Not Found"}
    http.get(f"{SHOP}/git/ref/heads/blue", status=200 if head else 404, json=head_answer)
    http.post(f"{SHOP}/deployments", status=201, json={"id": 7})
    assert GitHubPublications(github).ensure_deployment("acme/shop", deployment(environment)) == 7
    body = sent(http)
    assert body["ref"] == ref
    assert body["payload"] == {"branchline": "dpl_1"}
    assert (body["required_contexts"], body["auto_merge"], body["task"]) == ([], False, "deploy")
    assert body["environment"] == environment.value
    assert body["transient_environment"] is (environment is Environment.PREVIEW)
    assert body["production_environment"] is (environment is Environment.PRODUCTION)


@pytest.mark.parametrize(
    ("environment", "expected"), [(Environment.PREVIEW, False), (Environment.STAGING, True)]
)
def test_only_previews_leave_their_predecessors_active(
    http: responses.RequestsMock, github: GitHub, environment: Environment, *, expected: bool
) -> None:
    http.post(f"{SHOP}/deployments/7/statuses", status=201, json={})
    GitHubPublications(github).set_deployment_status(
        "acme/shop",
        7,
        state="success",
        environment=environment,
        description="Live",
        environment_url="https://x.test",
        log_url="https://github.com/acme/shop/actions/runs/1",
    )
    assert sent(http)["auto_inactive"] is expected
    assert sent(http)["environment_url"] == "https://x.test"


def test_a_long_description_is_cut(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(f"{SHOP}/statuses/{MADE}", status=201, json={})
    GitHubPublications(github).set_commit_status(
        "acme/shop",
        MADE,
        state="success",
        context="branchline",
        description="é" * 200,
        target_url="https://x",
    )
    assert sent(http)["description"] == "é" * 139 + "…"


# ------------------------------------------------------------------------------------------------ comments


def comment(comment_id: int, login: str | None, body: str) -> dict[str, Any]:
    return {"id": comment_id, "user": {"login": login} if login else None, "body": body}


def test_a_comment_is_found_by_marker_and_author_on_any_page(
    http: responses.RequestsMock, github: GitHub
) -> None:
    comments = f"{SHOP}/issues/7/comments"
    http.get(f"{API}/user", json={"login": "branchline"})
    others = [
        comment(1, "mallory", "<!-- m -->"),
        comment(2, None, "<!-- m -->"),
        comment(3, "branchline", "no"),
    ]
    http.get(
        comments,
        json=others,
        headers={"Link": f'<{comments}?page=2&per_page=100>; rel="next"'},
        match=[matchers.query_param_matcher({"per_page": 100})],
    )
    ours = [comment(4, "branchline", "x <!-- m -->"), comment(5, "branchline", "<!-- m -->")]
    http.get(comments, json=ours, match=[matchers.query_param_matcher({"page": 2, "per_page": 100})])
    assert GitHubComments(github).find("acme/shop", 7, "<!-- m -->") == 4


def test_a_deleted_comment_is_told_from_an_updated_one(http: responses.RequestsMock, github: GitHub) -> None:
    http.patch(f"{SHOP}/issues/comments/4", json={"id": 4})
    http.patch(f"{SHOP}/issues/comments/5", status=404, json={"message": "Not Found"})
    assert GitHubComments(github).update("acme/shop", 4, "new") is True
    assert GitHubComments(github).update("acme/shop", 5, "new") is False
