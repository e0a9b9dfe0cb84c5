"""What bounds a history that is brought in: its size, its reader's rights, and what the target is."""

import os

import pytest

from app.domain.git_addresses import GitAddress
from app.errors import RemoteConflict, RemoteForbidden, RemoteRefused
from app.git.histories import GitHistories
from app.git.merging import Merging
from app.git.process import Limits
from app.ports import File
from tests.contract.code_host.hosts import ORG, TEMPLATE, SandboxHost, commit, new_name
from tests.contract.code_host.test_histories import found


def token_of(sandbox: SandboxHost, login: str) -> str:
    return sandbox._tokens[login]


def address(sandbox: SandboxHost, name: str) -> GitAddress:
    site = sandbox.api_url.removesuffix("/api/v3")
    return GitAddress.parse(f"{site}/{name}.git", [site])


def test_a_history_that_is_too_large_is_not_brought_in(sandbox: SandboxHost) -> None:
    source = sandbox.elsewhere({"large.bin": os.urandom(400_000)})
    target = sandbox.new_repositories.create(f"{ORG}/{new_name('small')}", is_private=False)
    bounded = GitHistories(lambda: token_of(sandbox, "branchline-bot"), limits=Limits(file_bytes=100_000))
    with pytest.raises(RemoteRefused) as refused:
        bounded.copy(source, target, {})
    assert refused.value.error_code == "import:too-large"
    assert sandbox.contents.head(target.full_name, "main") is None


def test_what_is_private_is_not_read_with_our_credential(sandbox: SandboxHost) -> None:
    made = sandbox.repositories.generate(TEMPLATE, ORG, new_name("private"), is_private=True)
    with pytest.raises(RemoteRefused) as refused:
        sandbox.histories.heads(address(sandbox, made.full_name))
    assert refused.value.error_code in {"import:not-readable", "import:not-found"}


def test_a_history_is_pushed_only_with_the_right_to(sandbox: SandboxHost) -> None:
    source = sandbox.elsewhere({"a": b"1"})
    target = sandbox.new_repositories.create(f"{ORG}/{new_name('ours')}", is_private=False)
    with pytest.raises(RemoteForbidden):
        GitHistories(lambda: "ghp_nobody").copy(source, target, {})
    assert sandbox.contents.head(target.full_name, "main") is None


def test_a_branch_that_moves_while_it_is_merged_is_a_conflict(
    sandbox: SandboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = sandbox.elsewhere({"a": b"1"})
    target = sandbox.new_repositories.create(f"{ORG}/{new_name('moving')}", is_private=False)
    sandbox.histories.copy(source, target, {})
    sandbox.push_elsewhere(source, "main", {"b": b"1"})
    commit(sandbox, target.full_name, File("ours", b"1"))
    push = Merging._push

    def push_late(self: Merging, made: str, branch: str) -> None:
        monkeypatch.setattr(Merging, "_push", push)
        commit(sandbox, target.full_name, File("somebody", b"1"))
        push(self, made, branch)

    monkeypatch.setattr(Merging, "_push", push_late)
    with pytest.raises(RemoteConflict):
        sandbox.histories.merge(source, found(sandbox, target.full_name), "main", aside="aside")
    assert sandbox.file(target.full_name, "main", "somebody") == b"1"
    assert sandbox.file(target.full_name, "main", "b") is None
