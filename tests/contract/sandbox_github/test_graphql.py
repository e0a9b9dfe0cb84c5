"""The GraphQL API: a part of GitHub's published schema, its limits and its errors."""

from functools import cache
from typing import Any

import httpx
import pytest
from github import Auth, Github
from graphql import (
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    validate,
)

from app.github.sights import question
from app.ports import Asked
from sandbox.github.graphql.answering import schema
from tests.contract.sandbox_github.driver import World
from tests.published import OCTOKIT


@cache
def published() -> GraphQLSchema:
    """Return GitHub's schema as it is published."""
    return build_schema((OCTOKIT / "graphql-schema/schema.graphql").read_text(), assume_valid=True)


def ask(world: World, query: str, login: str | None = "branchline-bot", **variables: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {world.tokens[login]}"} if login else {}
    body = {"query": query, "variables": variables}
    return httpx.post(f"{world.url}/api/graphql", json=body, headers=headers, timeout=30)


def types() -> list[str]:
    ours = schema().type_map.values()
    return [it.name for it in ours if not is_introspection_type(it) and not is_specified_scalar_type(it)]


@pytest.mark.parametrize("name", types())
def test_each_type_is_a_part_of_the_published_one(name: str) -> None:
    ours, theirs = schema().type_map[name], published().type_map[name]
    described: dict[str, Any] = getattr(theirs, "fields", {})
    assert type(ours) is type(theirs)
    assert set(getattr(ours, "values", {})) <= set(getattr(theirs, "values", {}))
    for key, field in getattr(ours, "fields", {}).items():
        assert str(described[key].type) == str(field.type), f"{name}.{key}"
        for argument, one in getattr(field, "args", {}).items():
            assert str(described[key].args[argument].type) == str(one.type), f"{name}.{key}({argument})"


def test_what_branchline_asks_is_valid_on_github() -> None:
    asked = [Asked(number, "acme/shop", ["main"], ["a.yml"]) for number in range(100)]
    assert validate(published(), parse(question(asked)[0])) == []


TOO_MUCH = """
pullRequests(first: 100) {
  nodes { commits(first: 100) { nodes { commit { checkSuites(first: 100) { totalCount } } } } }
}"""
LOOK = """
query($owner: String!, $name: String!) {
  rateLimit { cost remaining resetAt nodeCount }
  repository(owner: $owner, name: $name) { databaseId nameWithOwner }
}"""


def test_an_answer_tells_what_it_cost_and_what_is_left(world: World, repository: str) -> None:
    owner, name = repository.split("/")
    answer = ask(world, LOOK, owner=owner, name=name)
    found = answer.json()["data"]
    assert found["repository"]["nameWithOwner"] == repository
    assert found["rateLimit"]["cost"] == 1
    assert answer.headers["X-RateLimit-Resource"] == "graphql"
    assert int(answer.headers["X-RateLimit-Remaining"]) == found["rateLimit"]["remaining"]
    left = world.bot("GET", "/rate_limit", 200)["resources"]["graphql"]["remaining"]
    assert left == found["rateLimit"]["remaining"]


def test_what_is_not_there_is_an_error_beside_the_data(world: World, repository: str) -> None:
    name = repository.partition("/")[2]
    query = (
        f'{{ here: repository(owner: "acme", name: "{name}") {{ name }} '
        'gone: repository(owner: "acme", name: "gone") { name } }'
    )
    answer = ask(world, query)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"here": {"name": name}, "gone": None}
    (error,) = answer.json()["errors"]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["gone"])
    assert error["message"] == "Could not resolve to a Repository with the name 'acme/gone'."


def test_a_private_repository_is_not_there_for_outsiders(world: World) -> None:
    owner, name = world.repository(private=True).split("/")
    (error,) = ask(world, LOOK, "mallory", owner=owner, name=name).json()["errors"]
    assert error["type"] == "NOT_FOUND"


def test_a_former_name_leads_on_unless_it_should_not(world: World, repository: str) -> None:
    world.bot("PATCH", f"/repos/{repository}", 200, {"name": f"{repository.partition('/')[2]}-new"})
    owner, name = repository.split("/")
    assert (
        ask(world, LOOK, owner=owner, name=name).json()["data"]["repository"]["nameWithOwner"]
        == f"{repository}-new"
    )
    query = LOOK.replace("name: $name)", "name: $name, followRenames: false)")
    assert ask(world, query, owner=owner, name=name).json()["data"]["repository"] is None


@pytest.mark.parametrize(
    ("pulls", "kind"),
    [
        ("pullRequests { totalCount }", "MISSING_PAGINATION_BOUNDARIES"),
        ("pullRequests(first: 101) { totalCount }", "EXCESSIVE_PAGINATION"),
        (TOO_MUCH, "MAX_NODE_LIMIT_EXCEEDED"),
    ],
)
def test_a_question_without_bounds_is_refused(world: World, repository: str, pulls: str, kind: str) -> None:
    owner, name = repository.split("/")
    answer = ask(world, LOOK.replace("databaseId", pulls), owner=owner, name=name)
    assert answer.status_code == 200
    assert [it["type"] for it in answer.json()["errors"]] == [kind]
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query A { viewer { login } } query B { viewer { login } }"]
)
def test_a_question_that_cannot_be_read_has_no_data(world: World, query: str) -> None:
    answer = ask(world, query)
    assert answer.status_code == 200
    assert answer.json()["errors"]
    assert "data" not in answer.json()


def test_nobody_in_particular_is_refused(world: World) -> None:
    assert ask(world, "{ viewer { login } }", None).status_code == 401


def test_pygithub_asks_unmodified(world: World, repository: str) -> None:
    owner, name = repository.split("/")
    with Github(auth=Auth.Token(world.tokens["ada"]), base_url=f"{world.url}/api/v3") as client:
        _, found = client.requester.graphql_query(LOOK, {"owner": owner, "name": name})
        assert found["data"]["repository"]["nameWithOwner"] == repository
        _, found = client.requester.graphql_query("{ viewer { login } }", {})
        assert found["data"]["viewer"]["login"] == "ada"


def test_pages_follow_one_another(world: World, repository: str) -> None:
    numbers = [world.pull(repository, f"b{index}")["number"] for index in range(3)]
    query = """
    query($owner: String!, $name: String!, $after: String) { repository(owner: $owner, name: $name) {
      pullRequests(first: 2, after: $after, states: OPEN, orderBy: {field: CREATED_AT, direction: DESC}) {
        totalCount nodes { number author { login } commits(last: 1) { nodes { commit { oid } } } headRefOid }
        pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""
    owner, name = repository.split("/")
    first = ask(world, query, owner=owner, name=name).json()["data"]["repository"]["pullRequests"]
    after = first["pageInfo"]["endCursor"]
    rest = ask(world, query, owner=owner, name=name, after=after).json()["data"]["repository"]["pullRequests"]
    assert [it["number"] for it in first["nodes"] + rest["nodes"]] == numbers[::-1]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    for pull in first["nodes"]:
        (newest,) = pull["commits"]["nodes"]
        assert newest["commit"]["oid"] == pull["headRefOid"]
