"""Forks' parents, new repositories and pull requests as GitHub answers where the sandbox does not."""

from dataclasses import replace

import pytest
import responses

from app.errors import Broken, RemoteConflict, RemoteForbidden, RemoteMissing
from app.github.client import GitHub
from app.github.new_repositories import GitHubNewRepositories
from app.github.proposals import GitHubProposals
from app.github.upstreams import GitHubUpstreams
from app.ports import Merged, MergeOutcome, Proposal
from tests.builders import a_repository
from tests.integration.github.recorded import API, BLOB, MADE, REPOSITORY, SHOP, query, sent

FORK = a_repository(full_name="acme/shop", parent_full_name="acme/template")
TEMPLATE = f"{API}/repos/acme/template"
CONFLICT = {"message": "There are merge conflicts"}


def head(http: responses.RequestsMock, repository: str, branch: str, commit: str | None) -> None:
    answer = {"object": {"sha": commit}} if commit else {"message": "Not Found"}
    http.get(f"{repository}/git/ref/heads/{branch}", status=200 if commit else 404, json=answer)


def merge(github: GitHub) -> Merged:
    return GitHubUpstreams(github).merge_parent(FORK, "trunk", aside="branchline/sync")


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("none", MergeOutcome.UP_TO_DATE),
        ("fast-forward", MergeOutcome.MERGED),
        ("merge", MergeOutcome.MERGED),
    ],
)
def test_how_it_was_merged_is_told(
    http: responses.RequestsMock, github: GitHub, word: str, outcome: MergeOutcome
) -> None:
    http.post(
        f"{SHOP}/merge-upstream", json={"message": "…", "merge_type": word, "base_branch": "acme:trunk"}
    )
    head(http, SHOP, "trunk", MADE)
    head(http, TEMPLATE, "trunk", BLOB)
    assert merge(github) == Merged(outcome, MADE, BLOB)
    assert sent(http, 0) == {"branch": "trunk"}


def test_a_conflict_waits_on_a_branch_at_the_parents_commit(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.post(f"{SHOP}/merge-upstream", status=409, json=CONFLICT)
    head(http, TEMPLATE, "trunk", None)
    http.get(TEMPLATE, json={"default_branch": "main"})
    head(http, TEMPLATE, "main", BLOB)
    aside = f"branchline/sync-{BLOB[:7]}"
    head(http, SHOP, aside, None)
    http.post(f"{SHOP}/git/refs", status=201, json={"ref": f"refs/heads/{aside}", "object": {"sha": BLOB}})
    head(http, SHOP, "trunk", MADE)
    assert merge(github) == Merged(MergeOutcome.CONFLICT, MADE, BLOB, aside)


@pytest.mark.parametrize(
    ("status", "error"), [(422, RemoteConflict), (404, RemoteMissing), (403, RemoteForbidden)]
)
def test_what_is_no_conflict_is_passed_on(
    http: responses.RequestsMock, github: GitHub, status: int, error: type[Exception]
) -> None:
    http.post(f"{SHOP}/merge-upstream", status=status, json={"message": "refusing to allow an App to update"})
    with pytest.raises(error, match="merging acme/template into trunk of acme/shop"):
        merge(github)


def test_a_parent_without_branches_is_missing(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(f"{SHOP}/merge-upstream", status=409, json=CONFLICT)
    head(http, TEMPLATE, "trunk", None)
    http.get(TEMPLATE, json={"default_branch": "main"})
    head(http, TEMPLATE, "main", None)
    with pytest.raises(RemoteMissing):
        merge(github)


def test_only_forks_have_a_parent(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(f"{SHOP}/merge-upstream", status=409, json=CONFLICT)
    with pytest.raises(Broken):
        GitHubUpstreams(github).merge_parent(replace(FORK, parent_full_name=None), "main", aside="x")


# -------------------- new repositories and pull requests


def test_a_new_repository_is_the_organisations(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(f"{API}/orgs/acme/repos", status=201, json=REPOSITORY)
    made = GitHubNewRepositories(github).create("acme/shop", is_private=True)
    assert made.id == 7
    assert sent(http) == {"name": "shop", "private": True, "auto_init": False}


def test_an_open_pull_request_is_found_by_its_branches(http: responses.RequestsMock, github: GitHub) -> None:
    refused = {"message": "Validation Failed", "errors": [{"message": "A pull request already exists"}]}
    http.post(f"{SHOP}/pulls", status=422, json=refused)
    http.get(f"{SHOP}/pulls", json=[{"number": 7, "html_url": "https://github.com/acme/shop/pull/7"}])
    opened = GitHubProposals(github).open("acme/shop", head="feature/x", base="main", title="X", body="")
    assert opened == Proposal(7, "https://github.com/acme/shop/pull/7")
    assert query(http, 1) == {"state": "open", "head": "acme:feature/x", "base": "main"}


def test_a_pull_request_that_cannot_be_is_a_conflict(http: responses.RequestsMock, github: GitHub) -> None:
    refused = {"message": "Validation Failed", "errors": [{"message": "No commits between main and x"}]}
    http.post(f"{SHOP}/pulls", status=422, json=refused)
    http.get(f"{SHOP}/pulls", json=[])
    with pytest.raises(RemoteConflict, match="No commits between"):
        GitHubProposals(github).open("acme/shop", head="x", base="main", title="X", body="")
