from dataclasses import replace

import pytest

from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.errors import RemoteConflict, RemoteMissing
from app.ports import File
from tests.builders import a_deployment
from tests.contract.code_host.hosts import UNKNOWN, CodeHost, commit, head, writes


def deployment(commit: str, environment: Environment = Environment.PREVIEW) -> Deployment:
    return a_deployment(environment=environment, branch="main", commit=commit)


@pytest.mark.parametrize("environment", list(Environment))
def test_a_deployment_has_one_record(host: CodeHost, shop: str, environment: Environment) -> None:
    ours = deployment(head(host, shop), environment)
    with writes(host, 1):
        record = host.publications.ensure_deployment(shop, ours)
    with writes(host, 0):
        assert host.publications.ensure_deployment(shop, ours) == record
    with writes(host, 1):
        assert host.publications.ensure_deployment(shop, replace(ours, id="dpl_2")) != record


def test_the_record_of_an_older_commit_is_found_again(host: CodeHost, shop: str) -> None:
    old = deployment(head(host, shop))
    commit(host, shop, File("a", b"1"))
    record = host.publications.ensure_deployment(shop, old)
    assert host.publications.ensure_deployment(shop, old) == record


def test_a_record_needs_its_commit(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteConflict):
        host.publications.ensure_deployment(shop, deployment(UNKNOWN))


def set_status(host: CodeHost, full_name: str, record: int, state: str, url: str | None) -> None:
    host.publications.set_deployment_status(
        full_name,
        record,
        state=state,
        environment=Environment.PREVIEW,
        description="d" * 200,
        environment_url=url,
        log_url="https://github.com/acme/shop/actions/runs/1",
    )


def test_statuses_are_appended_to_a_record(host: CodeHost, shop: str) -> None:
    record = host.publications.ensure_deployment(shop, deployment(head(host, shop)))
    for state, url in [
        ("queued", None),
        ("in_progress", None),
        ("success", "https://x.test"),
        ("inactive", None),
    ]:
        set_status(host, shop, record, state, url)


def test_an_unknown_record_has_no_statuses(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        set_status(host, shop, 999_999, "success", None)


@pytest.mark.parametrize("state", ["pending", "success", "failure", "error"])
def test_a_commit_has_a_status(host: CodeHost, shop: str, state: str) -> None:
    set_it = host.publications.set_commit_status
    arguments = {"context": "branchline", "description": "é" * 200, "target_url": "https://x.test"}
    set_it(shop, head(host, shop), state=state, **arguments)
    with pytest.raises(RemoteConflict):
        set_it(shop, UNKNOWN, state=state, **arguments)
