"""PyGithub, unmodified, against the sandbox: the calls that the control plane makes."""

from collections.abc import Iterator

import pytest
from github import Auth, Github, GithubException, InputGitTreeElement, UnknownObjectException
from github.Repository import Repository

from tests.contract.sandbox_github.driver import Receiver, World, eventually


@pytest.fixture
def client(world: World) -> Iterator[Github]:
    auth = Auth.Token(world.tokens["branchline-bot"])
    with Github(
        base_url=f"{world.url}/api/v3",
        auth=auth,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    ) as made:
        yield made


@pytest.fixture
def shop(client: Github, repository: str) -> Repository:
    return client.get_repo(repository)


def test_an_app_is_provisioned_by_forking(client: Github) -> None:
    template = client.get_organization("acme").get_repo("template")
    fork = template.create_fork(organization="acme", name="by-pygithub")
    assert (fork.full_name, fork.fork, fork.parent.full_name) == ("acme/by-pygithub", True, "acme/template")
    head = eventually(lambda: next(iter(fork.get_branches()), None))
    assert head is not None
    base = fork.get_git_commit(head.commit.sha)
    element = InputGitTreeElement(".github/workflows/deploy.yml", "100644", "blob", content="on: push\n")
    tree = fork.create_git_tree([element], base_tree=base.tree)
    commit = fork.create_git_commit("Install Branchline", tree, [base])
    fork.get_git_ref("heads/main").edit(commit.sha)
    fork.create_git_ref("refs/heads/staging", commit.sha)
    assert {branch.commit.sha for branch in fork.get_branches()} == {commit.sha}


def test_secrets_variables_and_environments_are_set(shop: Repository) -> None:
    shop.create_secret("BRANCHLINE_SECRET", "whsec_x")
    shop.create_variable("BRANCHLINE_URL", "http://x")
    assert [secret.name for secret in shop.get_secrets()] == ["BRANCHLINE_SECRET"]
    assert shop.get_variable("BRANCHLINE_URL").value == "http://x"
    environment = shop.create_environment("preview")
    environment.create_secret("TOKEN", "t")
    environment.create_variable("SIZE", "s")
    assert [variable.value for variable in environment.get_variables()] == ["s"]
    assert [found.name for found in shop.get_environments()] == ["preview"]


def test_hooks_and_their_deliveries_are_read(shop: Repository, receiver: Receiver) -> None:
    config = {"url": receiver.url, "content_type": "json", "secret": "s"}
    hook = shop.create_hook("web", config, ["push", "pull_request"], active=True)
    receiver.wait("ping")
    eventually(lambda: [found.status_code for found in shop.get_hook_deliveries(hook.id)] == [200])
    hook.delete()
    assert list(shop.get_hooks()) == []


def test_a_pull_request_gets_one_comment_a_status_and_a_deployment(
    world: World, shop: Repository, repository: str
) -> None:
    pull = shop.get_pull(world.pull(repository)["number"])
    comment = pull.create_issue_comment("<!-- branchline --> building")
    comment.edit("<!-- branchline --> ready")
    assert [found.body for found in pull.get_issue_comments()] == ["<!-- branchline --> ready"]
    shop.get_commit(pull.head.sha).create_status("success", "http://x", "Ready", "branchline")
    assert shop.get_commit(pull.head.sha).get_combined_status().state == "success"
    deployment = shop.create_deployment(
        "feature", environment="preview", transient_environment=True, required_contexts=[], auto_merge=False
    )
    deployment.create_status("success", environment_url="http://x", auto_inactive=False)
    assert [status.state for status in deployment.get_statuses()] == ["success"]
    assert pull.merge(merge_method="squash").merged


def test_a_comment_is_answered_by_a_reaction_and_its_authors_rights_are_known(
    world: World, shop: Repository, repository: str
) -> None:
    number = world.pull(repository)["number"]
    made = world.mallory("POST", f"/repos/{repository}/issues/{number}/comments", 201, {"body": "/preview"})
    comment = shop.get_pull(number).get_issue_comment(made["id"])
    assert (comment.user.login, shop.get_collaborator_permission("mallory")) == ("mallory", "read")
    assert [shop.get_collaborator_permission(login) for login in ("ada", "branchline-bot")] == [
        "write",
        "admin",
    ]
    reaction = comment.create_reaction("eyes")
    assert [found.content for found in comment.get_reactions()] == ["eyes"]
    assert comment.delete_reaction(reaction.id)
    assert list(comment.get_reactions()) == []
    assert list(shop.get_secrets()) == []


def test_errors_are_pygithubs_own(client: Github, shop: Repository) -> None:
    with pytest.raises(UnknownObjectException):
        client.get_repo("acme/nothing-here")
    with pytest.raises(GithubException) as caught:
        client.get_organization("acme").create_repo(shop.name)
    assert caught.value.status == 422


def test_long_lists_are_read_page_by_page(client: Github, shop: Repository) -> None:
    sha = shop.get_branch("main").commit.sha
    for number in range(35):
        shop.create_git_ref(f"refs/tags/v{number}", sha)
    assert len(list(shop.get_tags())) == 35
    assert client.get_rate_limit().rate.limit == 100_000
