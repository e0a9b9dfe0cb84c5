import pytest
import responses

from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.github.client import GitHub
from app.github.publications import GitHubPublications
from tests.builders import a_deployment
from tests.integration.github.recorded import MADE, PARENT, SHOP, query, sent


def deployment(environment: Environment = Environment.PREVIEW) -> Deployment:
    return a_deployment(id="dpl_1", environment=environment, branch="blue", commit=MADE)


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
