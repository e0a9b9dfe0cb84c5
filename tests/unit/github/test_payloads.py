import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.reports import (
    CommentWritten,
    DeploymentStatusChanged,
    InstallationChanged,
    InstallationRepositoriesChanged,
    Ping,
    PullRequestChanged,
    Pushed,
    Report,
    RepositoryDeleted,
    RepositoryName,
    RepositoryRenamed,
    RepositoryTransferred,
    WorkflowRunChanged,
)
from app.errors import Malformed
from app.github.payloads import parse
from tests.proofs import pick
from tests.published import examples

HELLO_WORLD = RepositoryName(id=186853002, full_name="Codertocat/Hello-World")
HANDLED = [
    "ping",
    "push",
    "pull_request",
    "issue_comment",
    "workflow_run",
    "deployment_status",
    "installation",
    "installation_repositories",
    "repository",
]


def read(event: str, payload: Any) -> Report | None:
    return parse(event, json.dumps(payload).encode())


def push() -> dict[str, Any]:
    return next(it for it in examples("push") if it["ref"] == "refs/heads/master")


# ------------------------------------------------------------------------------------------------ one by one


def test_a_ping_names_its_webhook() -> None:
    payload = examples("ping")[0] | {"repository": push()["repository"]}
    assert read("ping", payload) == Ping(hook_id=payload["hook_id"], repository=HELLO_WORLD)


def test_a_ping_of_an_organisation_has_no_repository() -> None:
    payload = next(it for it in examples("ping") if "repository" not in it)
    assert read("ping", payload) == Ping(hook_id=payload["hook_id"], repository=None)


def test_a_push_tells_what_happened_to_which_branch() -> None:
    assert read("push", push()) == Pushed(
        repository=HELLO_WORLD,
        ref="refs/heads/master",
        branch="master",
        before="0" * 40,
        after="6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        is_created=True,
        is_deleted=False,
        is_forced=False,
        message="Initial commit",
        author="Codertocat",
        committed_at=datetime(2019, 5, 15, 15, 19, 25, tzinfo=UTC),
        sender="Codertocat",
    )


def test_a_tag_is_no_branch() -> None:
    payload = next(it for it in examples("push") if it["ref"].startswith("refs/tags/"))
    report = read("push", payload)
    assert isinstance(report, Pushed)
    assert report.branch is None


def test_a_branch_may_have_slashes() -> None:
    report = read("push", push() | {"ref": "refs/heads/feature/blue"})
    assert isinstance(report, Pushed)
    assert report.branch == "feature/blue"


def test_a_deleted_branch_has_no_head_commit() -> None:
    report = read("push", push() | {"deleted": True, "after": "0" * 40, "head_commit": None})
    assert isinstance(report, Pushed)
    assert (report.is_deleted, report.message, report.author, report.committed_at) == (True, None, None, None)


def test_times_are_turned_into_utc() -> None:
    payload = push()
    payload["head_commit"]["timestamp"] = "2019-05-15T15:19:25+02:00"
    report = read("push", payload)
    assert isinstance(report, Pushed)
    assert report.committed_at == datetime(2019, 5, 15, 13, 19, 25, tzinfo=UTC)


def test_a_pull_request_is_described_as_it_is_now() -> None:
    payload = examples("pull_request", "opened")[0]
    assert read("pull_request", payload) == PullRequestChanged(
        repository=HELLO_WORLD,
        action="opened",
        number=2,
        is_open=True,
        is_merged=False,
        title="Update the README with new information.",
        html_url="https://github.com/Codertocat/Hello-World/pull/2",
        head_branch="changes",
        head_commit="ec26c3e57ca3a959ca5aad62de7213c562f8c821",
        head_repository_id=HELLO_WORLD.id,
        author="Codertocat",
        updated_at=datetime(2019, 5, 15, 15, 20, 33, tzinfo=UTC),
    )


def test_a_merged_pull_request_is_closed() -> None:
    payload = examples("pull_request", "closed")[0]
    payload["pull_request"]["merged"] = True
    report = read("pull_request", payload)
    assert isinstance(report, PullRequestChanged)
    assert (report.is_open, report.is_merged) == (False, True)


@pytest.mark.parametrize(
    ("repository", "expected"), [({"id": 7}, True), (None, True), ({"id": 186853002}, False)]
)
def test_a_pull_request_is_from_a_fork_when_its_head_is_elsewhere_or_gone(
    repository: dict[str, int] | None, *, expected: bool
) -> None:
    payload = examples("pull_request", "opened")[0]
    payload["pull_request"]["head"]["repo"] = repository
    report = read("pull_request", payload)
    assert isinstance(report, PullRequestChanged)
    assert report.is_from_fork is expected


def test_a_deleted_account_leaves_its_pull_request_without_author() -> None:
    payload = examples("pull_request", "opened")[0]
    payload["pull_request"]["user"] = None
    report = read("pull_request", payload)
    assert isinstance(report, PullRequestChanged)
    assert report.author is None


def test_a_workflow_run_tells_its_run_and_commit() -> None:
    payload = next(it for it in examples("workflow_run", "completed") if it["workflow_run"]["pull_requests"])
    report = read("workflow_run", payload)
    assert isinstance(report, WorkflowRunChanged)
    assert report.run_id == payload["workflow_run"]["id"]
    assert (report.action, report.status, report.conclusion) == ("completed", "completed", "success")
    assert (report.run_number, report.run_attempt, report.event) == (163, 1, "repository_dispatch")
    assert (report.head_branch, report.pull_requests) == ("master", (2,))
    assert report.workflow_path == ".github/workflows/test.yml"
    assert report.is_from_fork is False


def test_a_workflow_run_may_come_from_a_fork() -> None:
    payload = next(
        it
        for it in examples("workflow_run")
        if it["workflow_run"]["head_repository"]["id"] != it["repository"]["id"]
    )
    report = read("workflow_run", payload)
    assert isinstance(report, WorkflowRunChanged)
    assert report.is_from_fork is True


def test_a_workflows_path_is_found_beside_the_run_and_without_its_ref() -> None:
    payload = examples("workflow_run", "completed")[0]
    payload["workflow_run"].pop("path", None)
    payload["workflow"] = {"path": ".github/workflows/deploy.yml@refs/heads/main"}
    report = read("workflow_run", payload)
    assert isinstance(report, WorkflowRunChanged)
    assert report.workflow_path == ".github/workflows/deploy.yml"


def test_an_action_of_workflow_runs_that_we_do_not_know_is_not_handled() -> None:
    assert read("workflow_run", examples("workflow_run")[0] | {"action": "pondered"}) is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"branchline": "dpl_1"}, "dpl_1"),
        ('{"branchline": "dpl_1"}', "dpl_1"),
        ("", None),
        ("{", None),
        ("[]", None),
        ({"branchline": 7}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_deployment_status_names_our_deployment_when_the_record_is_ours(
    payload: Any, expected: str | None
) -> None:
    body = examples("deployment_status")[0]
    body["deployment"]["payload"] = payload
    report = read("deployment_status", body)
    assert isinstance(report, DeploymentStatusChanged)
    assert report.deployment_id == expected
    assert (report.state, report.environment) == ("success", "production")


def test_empty_addresses_of_a_deployment_status_are_none() -> None:
    body = examples("deployment_status")[0]
    body["deployment_status"] |= {"environment_url": "", "log_url": "", "target_url": ""}
    report = read("deployment_status", body)
    assert isinstance(report, DeploymentStatusChanged)
    assert (report.environment_url, report.log_url) == (None, None)


def test_an_installation_lists_its_repositories() -> None:
    payload = next(it for it in examples("installation", "created") if it["repositories"])
    report = read("installation", payload)
    assert isinstance(report, InstallationChanged)
    first = payload["repositories"][0]
    assert report.repositories[0] == RepositoryName(id=first["id"], full_name=first["full_name"])
    assert report.account == payload["installation"]["account"]["login"]


def a_comment(**changes: Any) -> dict[str, Any]:
    payload = examples("issue_comment", "created")[0]
    payload["issue"]["pull_request"] = {"url": "https://api.github.example/pulls/1"}
    payload["comment"] |= changes
    return payload


def test_a_comment_on_a_pull_request_tells_who_said_what_and_when() -> None:
    payload = a_comment(body="/preview\r\nplease", created_at="2026-11-22T12:00:05Z")
    report = read("issue_comment", payload)
    assert isinstance(report, CommentWritten)
    assert report.number == payload["issue"]["number"]
    assert report.comment_id == payload["comment"]["id"]
    assert (report.author, report.body) == (payload["comment"]["user"]["login"], "/preview\r\nplease")
    assert report.created_at == datetime(2026, 11, 22, 12, 0, 5, tzinfo=UTC)
    assert report.is_on_pull_request


def test_a_comment_on_an_issue_is_told_from_one_on_a_pull_request() -> None:
    payload = examples("issue_comment", "created")[0]
    payload["issue"].pop("pull_request", None)
    report = read("issue_comment", payload)
    assert isinstance(report, CommentWritten)
    assert not report.is_on_pull_request


def test_a_comment_may_have_lost_its_author_and_its_text() -> None:
    report = read("issue_comment", a_comment(user=None, body=None))
    assert isinstance(report, CommentWritten)
    assert (report.author, report.body) == (None, "")


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_what_is_made_of_a_comment_later_says_nothing(action: str) -> None:
    assert read("issue_comment", a_comment() | {"action": action}) is None


def test_an_installation_may_gain_and_lose_repositories() -> None:
    payload = examples("installation_repositories", "removed")[0]
    report = read("installation_repositories", payload)
    assert isinstance(report, InstallationRepositoriesChanged)
    assert len(report.removed) == len(payload["repositories_removed"])
    assert report.added == ()


def test_a_renamed_repository_tells_both_names() -> None:
    payload = examples("repository", "renamed")[0]
    payload["changes"]["repository"]["name"]["from"] = "Old"
    report = read("repository", payload)
    assert isinstance(report, RepositoryRenamed)
    assert report.old_full_name == payload["repository"]["owner"]["login"] + "/Old"
    assert report.repository.full_name == payload["repository"]["full_name"]


def test_a_deleted_repository_is_named() -> None:
    payload = examples("repository", "edited")[0] | {"action": "deleted"}
    report = read("repository", payload)
    assert isinstance(report, RepositoryDeleted)
    assert report.repository.id == payload["repository"]["id"]


def test_a_transferred_repository_has_its_new_name() -> None:
    payload = examples("repository", "transferred")[0]
    report = read("repository", payload)
    assert isinstance(report, RepositoryTransferred)
    assert report.owner_id == payload["repository"]["owner"]["id"]
    assert report.repository.full_name == payload["repository"]["full_name"]


def test_an_event_that_we_do_not_know_is_not_handled() -> None:
    assert read("fork", {"anything": 1}) is None


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"repository": None}, "$.repository"),
        ({"repository": []}, "$.repository"),
        ({"repository": {"id": "1", "full_name": "a/b"}}, "$.repository.id"),
        ({"repository": {"id": True, "full_name": "a/b"}}, "$.repository.id"),
        ({"repository": {"id": -1, "full_name": "a/b"}}, "$.repository.id"),
        ({"repository": {"id": 2**63, "full_name": "a/b"}}, "$.repository.id"),
        ({"repository": {"id": 1}}, "$.repository.full_name"),
        ({"ref": 5}, "$.ref"),
        ({"deleted": "no"}, "$.deleted"),
        ({"head_commit": {"message": "m", "timestamp": "yesterday"}}, "$.head_commit.timestamp"),
        (
            {"head_commit": {"message": "m", "timestamp": "0001-01-01T00:00:00+23:00"}},
            "$.head_commit.timestamp",
        ),
        ({"sender": {}}, "$.sender.login"),
    ],
)
def test_a_wrong_type_is_malformed_and_its_place_is_told(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read("push", push() | change)
    assert caught.value.details["path"] == path
    assert path in caught.value.message


def test_a_wrong_item_of_a_list_is_told_by_its_index() -> None:
    payload = examples("installation", "created")[0]
    payload["repositories"] = [{"id": 1, "full_name": "a/b"}, {"id": None}]
    with pytest.raises(Malformed, match=r"\$\.repositories\[1\]\.id"):
        read("installation", payload)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"push"', b"null", b"\xff\xfe", b"[" * 100_000, b"1" * 5000]
)
@pytest.mark.parametrize("event", ["push", "unheard_of"])
def test_a_body_that_is_no_json_object_is_malformed_for_any_event(event: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(event, body)


def test_text_that_no_database_holds_is_replaced() -> None:
    payload = push()
    payload["head_commit"]["message"] = "zero \0 and half \ud800"
    report = read("push", payload)
    assert isinstance(report, Pushed)
    assert report.message == "zero \N{REPLACEMENT CHARACTER} and half ?"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(
    database=None, max_examples=pick(short=150, full=5000), suppress_health_check=[HealthCheck.too_slow]
)
@given(st.data())
def test_a_damaged_payload_is_read_or_malformed_and_nothing_else(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(HANDLED))
    payload = data.draw(st.sampled_from(examples(event)))
    place: Any = payload
    for _ in range(data.draw(st.integers(0, 3))):
        inner = [value for value in place.values() if isinstance(value, dict) and value]
        place = data.draw(st.sampled_from(inner)) if inner else place
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    try:
        report = read(event, payload)
    except Malformed as error:
        assert error.details["path"].startswith("$")  # noqa: PT017 - most damage is harmless
    else:
        assert report is None or isinstance(report, Report)


@settings(database=None)
@given(st.sampled_from(HANDLED), st.binary(max_size=200) | JSON.map(lambda it: json.dumps(it).encode()))
def test_any_other_body_is_malformed(event: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(event, body)
