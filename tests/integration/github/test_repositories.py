from datetime import UTC, datetime

import pytest
import responses

from app.errors import RemoteForbidden
from app.github.client import GitHub
from app.github.repositories import GitHubRepositories
from tests.integration.github.recorded import API, REPOSITORY, SHOP, sent


def test_a_repository_is_described(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(SHOP, json=REPOSITORY)
    found = GitHubRepositories(github).find("acme/shop")
    assert found is not None
    assert (found.id, found.full_name, found.parent_full_name) == (7, "acme/shop", "acme/template")
    assert found.owner_id == 42
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


def test_deleting_twice_is_fine(http: responses.RequestsMock, github: GitHub) -> None:
    http.delete(SHOP, status=204)
    GitHubRepositories(github).delete("acme/shop")
    http.delete(SHOP, status=404, json={"message": "Not Found"})
    http.get(SHOP, status=404, json={"message": "Not Found"})
    GitHubRepositories(github).delete("acme/shop")


def test_a_repository_that_is_still_there_was_not_deleted(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.delete(SHOP, status=404, json={"message": "Not Found"})
    http.get(SHOP, json=REPOSITORY)
    with pytest.raises(RemoteForbidden, match=r"^deleting acme/shop: .*may lack the permission"):
        GitHubRepositories(github).delete("acme/shop")
