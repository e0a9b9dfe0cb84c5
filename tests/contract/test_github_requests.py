"""Every request that we send is one that GitHub describes, and its published answers are ones we read."""

import base64
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import responses

from app.domain.environments import Environment
from app.github.artifacts import GitHubArtifacts
from app.github.builds import GitHubBuildLogs
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.comparisons import GitHubComparisons
from app.github.contents import GitHubContents
from app.github.files import GitHubFiles
from app.github.members import GitHubMembers, GitHubPullHeads
from app.github.new_repositories import GitHubNewRepositories
from app.github.proposals import GitHubProposals
from app.github.publications import GitHubPublications
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.github.runs import GitHubRuns
from app.github.trees import GitHubTrees
from app.github.upstreams import GitHubUpstreams
from app.ports import File
from tests.accounts import github_settings
from tests.builders import a_deployment, a_repository
from tests.fakes.published_github import PublishedGitHub, find

NAME = "acme/shop"
R = "/repos/{owner}/{repo}"
COMMIT = "6dcb09b5b57875f334f61aebed695e2e4193db5e"  # of the published examples
# The published one has 33 bytes, so that nothing can be sealed with it.
PUBLIC_KEY = {"key_id": "012345678912345678", "key": base64.b64encode(b"\x07" * 32).decode()}
# The published one is of another media type.
FILE = {"type": "file", "encoding": "base64", "content": "YQ==", "sha": COMMIT, "size": 1}
SETTINGS = github_settings()
DEPLOYMENT = a_deployment(branch="feature/blue", commit=COMMIT)


@pytest.fixture
def published() -> Iterator[PublishedGitHub]:
    """Stand in for GitHub."""
    mended = {f"GET {R}/actions/secrets/public-key": PUBLIC_KEY, f"GET {R}/contents/{{path}}": FILE}
    answers = PublishedGitHub("/api/v3", mended=mended)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            mock.add_callback(method, re.compile(re.escape(SETTINGS.api_url) + "/.*"), callback=answers)
        yield answers


@pytest.fixture
def github() -> GitHub:
    return GitHub(SETTINGS, lambda: datetime.now(UTC))


Call = Callable[[GitHub], object]


def commit(github: GitHub) -> str:
    files = [File("a.ts", b"a"), File("run.sh", b"#!/bin/sh", mode="100755"), File("icon", b"\xff\0")]
    return GitHubContents(github).commit(NAME, "feature/blue", files, "Set up", parent=COMMIT)


def set_deployment_status(github: GitHub) -> None:
    GitHubPublications(github).set_deployment_status(
        NAME,
        1,
        state="in_progress",
        environment=Environment.PREVIEW,
        description="Building",
        environment_url=None,
        log_url="https://github.com/acme/shop/actions/runs/1",
    )


def set_commit_status(github: GitHub) -> None:
    GitHubPublications(github).set_commit_status(
        NAME,
        COMMIT,
        state="pending",
        context="branchline/preview",
        description="Building",
        target_url="https://x",
    )


def ensure_webhook(github: GitHub) -> None:
    GitHubRepositorySettings(github).ensure_webhook(NAME, "https://example.com/webhook", "secret", ["push"])


def create_webhook(github: GitHub) -> None:
    GitHubRepositorySettings(github).ensure_webhook(NAME, "https://control.test", "secret", ["push"])


def delete_in_a_new_branch(github: GitHub) -> str:
    contents, deleted = GitHubContents(github), ["a.ts"]
    return contents.commit(NAME, "new", [], "Tidy", parent=COMMIT, deleted=deleted, is_new=True)


def propose(github: GitHub) -> object:
    return GitHubProposals(github).open(NAME, head="blue", base="main", title="Blue", body="")


# What is called, what of it is absent, and the operations it takes.
CALLS: list[tuple[Call, set[str], list[str]]] = [
    (lambda it: GitHubRepositories(it).find(NAME), set(), [f"GET {R}"]),
    (lambda it: GitHubRepositories(it).fork("acme/template", "acme", "shop"), set(), [f"POST {R}/forks"]),
    (
        lambda it: GitHubRepositories(it).generate("acme/template", "acme", "shop", is_private=True),
        set(),
        ["POST /repos/{template_owner}/{template_repo}/generate"],
    ),
    (lambda it: GitHubRepositories(it).enable_actions(NAME), set(), [f"GET {R}/actions/permissions"]),
    (lambda it: GitHubRepositories(it).delete(NAME), set(), [f"DELETE {R}"]),
    (lambda it: GitHubContents(it).head(NAME, "feature/blue"), set(), [f"GET {R}/git/ref/{{ref}}"]),
    (lambda it: GitHubContents(it).find_commit(NAME, "main", "Fixes: x"), set(), [f"GET {R}/commits"]),
    (
        commit,
        set(),
        [
            f"GET {R}/git/commits/{{commit_sha}}",
            f"POST {R}/git/blobs",
            f"POST {R}/git/trees",
            f"POST {R}/git/commits",
            f"PATCH {R}/git/refs/{{ref}}",
        ],
    ),
    (
        lambda it: GitHubContents(it).ensure_branch(NAME, "staging", COMMIT),
        {f"GET {R}/git/ref/{{ref}}"},
        [f"GET {R}/git/ref/{{ref}}", f"POST {R}/git/refs"],
    ),
    (
        delete_in_a_new_branch,
        set(),
        [
            f"GET {R}/git/commits/{{commit_sha}}",
            f"POST {R}/git/trees",
            f"POST {R}/git/commits",
            f"POST {R}/git/refs",
        ],
    ),
    (lambda it: GitHubTrees(it).commit_of(NAME, COMMIT), set(), [f"GET {R}/git/commits/{{commit_sha}}"]),
    (
        lambda it: GitHubTrees(it).commit_of(NAME, "v1"),
        {f"GET {R}/git/ref/{{ref}}"},
        [f"GET {R}/git/ref/{{ref}}", f"GET {R}/git/ref/{{ref}}", f"GET {R}"],
    ),
    (lambda it: GitHubTrees(it).listing(NAME, COMMIT), set(), [f"GET {R}/git/trees/{{tree_sha}}"]),
    (lambda it: GitHubTrees(it).entries(NAME, COMMIT, ["a"]), set(), [f"GET {R}/git/trees/{{tree_sha}}"]),
    (lambda it: GitHubFiles(it).read(NAME, "README.md", "v1"), set(), [f"GET {R}/contents/{{path}}"]),
    (
        lambda it: GitHubFiles(it).write(NAME, "main", "a", b"a", "Add", replaces=COMMIT),
        set(),
        [f"PUT {R}/contents/{{path}}"],
    ),
    (
        lambda it: GitHubFiles(it).delete(NAME, "main", "a", "Remove", blob=COMMIT),
        set(),
        [f"DELETE {R}/contents/{{path}}"],
    ),
    (propose, set(), [f"POST {R}/pulls"]),
    (
        lambda it: GitHubNewRepositories(it).create(NAME, is_private=True),
        set(),
        ["POST /orgs/{org}/repos"],
    ),
    (
        lambda it: GitHubNewRepositories(it).disable_actions(NAME),
        set(),
        [f"PUT {R}/actions/permissions"],
    ),
    (lambda it: GitHubNewRepositories(it).make_default(NAME, "main"), set(), [f"PATCH {R}"]),
    (
        lambda it: GitHubUpstreams(it).merge_parent(a_repository(full_name=NAME), "main", aside="aside"),
        set(),
        [f"POST {R}/merge-upstream", f"GET {R}/git/ref/{{ref}}", f"GET {R}/git/ref/{{ref}}"],
    ),
    (lambda it: GitHubProposals(it)._find(NAME, "blue", "main"), set(), [f"GET {R}/pulls"]),
    (
        lambda it: GitHubRepositorySettings(it).set_variable(NAME, "USERNAME", "v"),
        set(),
        [f"GET {R}/actions/variables/{{name}}", f"PATCH {R}/actions/variables/{{name}}"],
    ),
    (
        lambda it: GitHubRepositorySettings(it).set_variable(NAME, "USERNAME", "v"),
        {f"GET {R}/actions/variables/{{name}}"},
        [f"GET {R}/actions/variables/{{name}}", f"POST {R}/actions/variables"],
    ),
    (
        lambda it: GitHubRepositorySettings(it).set_secret(NAME, "SECRET", "v"),
        set(),
        [f"GET {R}/actions/secrets/public-key", f"PUT {R}/actions/secrets/{{secret_name}}"],
    ),
    (ensure_webhook, set(), [f"GET {R}/hooks", f"PATCH {R}/hooks/{{hook_id}}"]),
    (create_webhook, set(), [f"GET {R}/hooks", f"POST {R}/hooks"]),
    (
        lambda it: GitHubRepositorySettings(it).ensure_environment(NAME, "preview"),
        {f"GET {R}/environments/{{environment_name}}"},
        [f"GET {R}/environments/{{environment_name}}", f"PUT {R}/environments/{{environment_name}}"],
    ),
    (lambda it: GitHubRuns(it).of_commit(NAME, COMMIT), set(), [f"GET {R}/actions/runs"]),
    (
        lambda it: GitHubRuns(it).enable_workflow(NAME),
        set(),
        [f"PUT {R}/actions/workflows/{{workflow_id}}/enable"],
    ),
    (
        lambda it: GitHubRuns(it).dispatch(NAME, "feature/blue"),
        set(),
        [f"POST {R}/actions/workflows/{{workflow_id}}/dispatches"],
    ),
    (lambda it: GitHubRuns(it).cancel(NAME, 1), set(), [f"POST {R}/actions/runs/{{run_id}}/cancel"]),
    (set_commit_status, set(), [f"POST {R}/statuses/{{sha}}"]),
    (
        lambda it: GitHubPublications(it).ensure_deployment(NAME, DEPLOYMENT),
        set(),
        [f"GET {R}/deployments", f"GET {R}/git/ref/{{ref}}", f"POST {R}/deployments"],
    ),
    (set_deployment_status, set(), [f"POST {R}/deployments/{{deployment_id}}/statuses"]),
    (
        lambda it: GitHubComments(it).find(NAME, 7, "<!-- m -->"),
        set(),
        ["GET /user", f"GET {R}/issues/{{issue_number}}/comments"],
    ),
    (
        lambda it: GitHubComments(it).create(NAME, 7, "hello"),
        set(),
        [f"POST {R}/issues/{{issue_number}}/comments"],
    ),
    (
        lambda it: GitHubComments(it).update(NAME, 7, "hello"),
        set(),
        [f"PATCH {R}/issues/comments/{{comment_id}}"],
    ),
    (
        lambda it: GitHubMembers(it).may_write(NAME, "ada"),
        set(),
        ["GET /user", f"GET {R}/collaborators/{{username}}/permission"],
    ),
    (lambda it: GitHubPullHeads(it).of_open(NAME, 7), set(), [f"GET {R}/pulls/{{pull_number}}"]),
    (
        lambda it: GitHubBuildLogs(it).jobs(NAME, 1, 1),
        set(),
        [f"GET {R}/actions/runs/{{run_id}}/attempts/{{attempt_number}}/jobs"],
    ),
    (
        lambda it: GitHubComparisons(it).between(NAME, COMMIT, COMMIT),
        set(),
        [f"GET {R}/compare/{{basehead}}"],
    ),
    (
        lambda it: GitHubArtifacts(it).of_run(NAME, 1, "Rails"),
        set(),
        [f"GET {R}/actions/runs/{{run_id}}/artifacts"],
    ),
]


@pytest.mark.parametrize(("call", "absent", "operations"), CALLS, ids=[" ".join(it[2][-1:]) for it in CALLS])
def test_what_we_send_is_described_and_what_is_published_we_read(
    published: PublishedGitHub, github: GitHub, call: Call, absent: set[str], operations: list[str]
) -> None:
    published.absent = absent
    call(github)
    assert published.seen == operations


def test_the_published_people_commits_and_artifacts_are_read(github: GitHub) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback("GET", re.compile(".*"), callback=PublishedGitHub("/api/v3"))
        assert GitHubMembers(github).may_write(NAME, "ada")
        assert GitHubPullHeads(github).of_open(NAME, 7) == COMMIT
        artifact = GitHubArtifacts(github).of_run(NAME, 1, "Rails")
    assert artifact is not None
    assert (artifact.id, artifact.size_bytes) == (11, 556)


def test_the_published_repository_is_read_whole(published: PublishedGitHub, github: GitHub) -> None:
    found = GitHubRepositories(github).find("octocat/Hello-World")
    assert found is not None
    assert (found.id, found.full_name, found.default_branch) == (1296269, "octocat/Hello-World", "master")
    assert published.seen == [f"GET {R}"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/repos/a/b/deployments", {"ref": 5}),
        ("POST", "/repos/a/b/deployments", {"ref": "main", "colour": "blue"}),
        ("POST", "/repos/a/b/deployments", None),
        ("GET", "/repos/a/b/deployments/x/y/z", None),
        ("PUT", "/repos/a/b/actions/workflows/deploy.yml/enable", {}),
    ],
)
def test_the_check_itself_finds_what_is_wrong(method: str, path: str, body: object) -> None:
    with pytest.raises(Exception, match=r"no fields|not of type|not in GitHub's|takes no body"):
        find(method, path).check({}, body)
