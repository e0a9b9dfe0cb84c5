"""Members, heads of pull requests and artifacts, as GitHub tells of them where the sandbox does not."""

from typing import Any

import pytest
import responses

from app.errors import RemoteForbidden, RemoteMissing
from app.github.artifacts import GitHubArtifacts
from app.github.client import GitHub
from app.github.members import GitHubMembers, GitHubPullHeads
from app.ports import Artifact
from tests.integration.github.recorded import API, SHOP, query

ARTIFACTS = f"{SHOP}/actions/runs/4/artifacts"
ZIP = f"{SHOP}/actions/artifacts/9/zip"
ELSEWHERE = "https://productionresults.example/artifact.zip?sig=once"


def permission(login: str) -> str:
    return f"{SHOP}/collaborators/{login}/permission"


@pytest.fixture
def members(http: responses.RequestsMock, github: GitHub) -> GitHubMembers:
    http.get(f"{API}/user", json={"login": "Branchline"})
    return GitHubMembers(github)


# -------------------- who may


@pytest.mark.parametrize(
    ("word", "role", "expected"),
    [
        ("admin", "admin", True),
        ("write", "write", True),
        ("write", "maintain", True),
        ("write", "a role of our own", True),
        ("write", None, True),
        ("read", "triage", False),
        ("read", "read", False),
        ("none", "none", False),
    ],
)
def test_who_may_write(
    http: responses.RequestsMock, members: GitHubMembers, word: str, role: str | None, *, expected: bool
) -> None:
    told = {"permission": word, "user": {"login": "ada"}} | ({"role_name": role} if role else {})
    http.get(permission("ada"), json=told)
    assert members.may_write("acme/shop", "ada") is expected


def test_who_is_nobody_may_not_write(http: responses.RequestsMock, members: GitHubMembers) -> None:
    http.get(permission("ghost%5Bbot%5D"), status=404, json={"message": "ghost[bot] is not a user"})
    assert not members.may_write("acme/shop", "ghost[bot]")


def test_nobody_is_asked_about_ourselves(members: GitHubMembers) -> None:
    assert not members.may_write("acme/shop", "branchline")


def test_not_being_told_is_an_error(http: responses.RequestsMock, members: GitHubMembers) -> None:
    http.get(permission("ada"), status=403, json={"message": "Resource not accessible by integration"})
    with pytest.raises(RemoteForbidden, match="looking what ada may do in acme/shop"):
        members.may_write("acme/shop", "ada")


# -------------------- what is proposed


@pytest.mark.parametrize(("state", "expected"), [("open", "a" * 40), ("closed", None)])
def test_only_what_is_open_has_a_head(
    http: responses.RequestsMock, github: GitHub, state: str, expected: str | None
) -> None:
    http.get(f"{SHOP}/pulls/7", json={"state": state, "head": {"sha": "a" * 40}})
    assert GitHubPullHeads(github).of_open("acme/shop", 7) == expected


# -------------------- what runs leave


def artifact(number: int, name: str = "branchline-upload", **more: Any) -> dict[str, Any]:
    digest = "sha256:" + f"{number:064x}"
    return {"id": number, "name": name, "size_in_bytes": 10, "expired": False, "digest": digest, **more}


def found(http: responses.RequestsMock, github: GitHub, *listed: dict[str, Any]) -> Artifact | None:
    http.get(ARTIFACTS, json={"total_count": len(listed), "artifacts": list(listed)})
    return GitHubArtifacts(github).of_run("acme/shop", 4, "branchline-upload")


def test_the_newest_attempts_artifact_counts(http: responses.RequestsMock, github: GitHub) -> None:
    newest = found(http, github, artifact(8), artifact(9), artifact(7))
    assert newest == Artifact(9, 10, f"{9:064x}")
    assert query(http) == {"name": "branchline-upload", "per_page": "100"}


def test_what_has_expired_or_is_called_otherwise_is_not_there(
    http: responses.RequestsMock, github: GitHub
) -> None:
    assert found(http, github, artifact(8, expired=True), artifact(9, "Branchline-Upload")) is None


@pytest.mark.parametrize("digest", [None, "", "sha512:abc"])
def test_an_artifact_of_which_no_digest_is_told(
    http: responses.RequestsMock, github: GitHub, digest: str | None
) -> None:
    assert found(http, github, artifact(9, digest=digest)) == Artifact(9, 10, None)


def test_a_download_leads_elsewhere_without_our_token(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(ZIP, status=302, headers={"Location": ELSEWHERE})
    http.get(ELSEWHERE, body=b"packed")
    with GitHubArtifacts(github).download("acme/shop", 9) as chunks:
        assert b"".join(chunks) == b"packed"
    ours, theirs = (call.request.headers for call in http.calls)
    assert ours["Authorization"] == "Bearer ghp_token_of_the_test"
    assert "Authorization" not in theirs


def test_an_artifact_whose_time_is_over_is_missing(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(ZIP, status=410, json={"message": "Artifact has expired"})
    gone = pytest.raises(RemoteMissing, match="downloading artifact 9 of acme/shop: Artifact has expired")
    with gone, GitHubArtifacts(github).download("acme/shop", 9):
        pass
