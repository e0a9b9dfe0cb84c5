"""Everything that a token may do, our GitHub App's installation may do as well."""

import json
from datetime import UTC, datetime

import pytest

from app.domain.rights import Level
from app.errors import RemoteForbidden
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.contents import GitHubContents
from app.github.memberships import GitHubMemberships
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.ports import File
from app.settings import Secret
from tests.accounts import github_settings
from tests.contract.code_host.hosts import ORG, OUTSIDER, STRANGER, TEMPLATE, SandboxHost, new_name


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def installation(sandbox: SandboxHost) -> GitHub:
    """Return a GitHub to which we speak as the App's installation in the organisation."""
    app = json.loads((sandbox.directory / "app.json").read_text())
    key = Secret(app["privateKey"])
    return GitHub(github_settings(sandbox.api_url, token=None, app_id=str(app["id"]), private_key=key), now)


def test_an_app_can_be_provisioned_and_commented_on(installation: GitHub, sandbox: SandboxHost) -> None:
    repositories, contents = GitHubRepositories(installation), GitHubContents(installation)
    name = repositories.generate(TEMPLATE, ORG, new_name("app"), is_private=False).full_name
    parent = contents.head(name, "main")
    assert parent is not None
    commit = contents.commit(name, "main", [File("a.txt", b"a")], "Add a", parent=parent)
    contents.ensure_branch(name, "staging", commit)
    GitHubRepositorySettings(installation).set_secret(name, "BRANCHLINE_SECRET", "whsec_x")
    number = sandbox.open_pull(name, _branch_with_a_change(contents, name, commit))
    comments = GitHubComments(installation)
    comment = comments.create(name, number, "<!-- mark --> hello")
    assert comments.find(name, number, "<!-- mark -->") == comment


def test_an_app_sees_who_may_do_what_as_a_token_does(installation: GitHub, sandbox: SandboxHost) -> None:
    memberships = GitHubMemberships(installation)
    made = GitHubRepositories(installation).generate(TEMPLATE, ORG, new_name("app"), is_private=False)
    account, token = sandbox.account(OUTSIDER), sandbox.token_of(OUTSIDER)
    assert memberships.level(made, account) is Level.NONE
    memberships.invite(made.full_name, OUTSIDER, Level.WRITE)
    assert memberships.level(made, account) is Level.WRITE
    assert memberships.own(token)[made.id] is Level.WRITE
    sandbox.let(made.full_name, OUTSIDER, Level.NONE)
    assert made.id not in memberships.own(token)
    assert memberships.is_member(ORG, sandbox.account(STRANGER))


def test_a_key_of_another_app_is_refused(sandbox: SandboxHost, installation: GitHub) -> None:
    del installation
    app = json.loads((sandbox.directory / "app.json").read_text())
    key = Secret(app["privateKey"])
    stranger = github_settings(sandbox.api_url, token=None, app_id=str(app["id"] + 1), private_key=key)
    with pytest.raises(RemoteForbidden):
        GitHubRepositories(GitHub(stranger, now)).find(TEMPLATE)


def _branch_with_a_change(contents: GitHubContents, name: str, commit: str) -> str:
    contents.ensure_branch(name, "blue", commit)
    contents.commit(name, "blue", [File("b.txt", b"b")], "Add b", parent=commit)
    return "blue"
