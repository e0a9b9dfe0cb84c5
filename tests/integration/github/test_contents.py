import base64

import pytest
import responses

from app.errors import InvalidInput, RemoteConflict, RemoteForbidden
from app.github.client import GitHub
from app.github.contents import GitHubContents
from app.ports import File
from tests.integration.github.recorded import BLOB, MADE, MADE_TREE, PARENT, SHOP, TREE, query, sent


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


def test_a_missing_permission_that_github_hides_is_told(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(f"{SHOP}/git/commits/{PARENT}", json={"sha": PARENT, "tree": {"sha": TREE}})
    http.post(f"{SHOP}/git/trees", status=404, json={"message": "Not Found"})
    with pytest.raises(RemoteForbidden, match="Not Found; our credential may lack the permission"):
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


@pytest.mark.parametrize("branch", ["../../../../../other/shop/branches/main", "..", "a/../b", "a/.", "./a"])
def test_a_branch_leads_nowhere_else(http: responses.RequestsMock, github: GitHub, branch: str) -> None:
    # A run says itself which branch it is for, and libraries resolve the dots before they ask.
    with pytest.raises(InvalidInput, match="asking GitHub: "):
        GitHubContents(github).head("acme/shop", branch)
    assert len(http.calls) == 0


def test_a_branch_may_have_dots(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(f"{SHOP}/git/ref/heads/v1.2/..a", json={"object": {"sha": MADE}})
    assert GitHubContents(github).head("acme/shop", "v1.2/..a") == MADE
