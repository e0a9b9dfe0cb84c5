import hashlib

import pytest

from app.errors import RemoteMissing
from app.ports import File
from tests.contract.code_host.hosts import (
    ORG,
    OUTSIDER,
    STRANGER,
    CodeHost,
    commit,
    eventually,
    head,
)


def branch_off(host: CodeHost, full_name: str, branch: str) -> str:
    host.contents.ensure_branch(full_name, branch, head(host, full_name))
    return commit(host, full_name, File("new.txt", b"new"), branch=branch)


# -------------------- who may


def test_who_may_push_may_write(host: CodeHost, shop: str) -> None:
    assert not host.members.may_write(shop, OUTSIDER)
    host.invite(shop, OUTSIDER)
    assert host.members.may_write(shop, OUTSIDER)


def test_nobody_is_nobody(host: CodeHost, shop: str) -> None:
    for login in ("nobody-at-all", "dependabot[bot]"):
        assert not host.members.may_write(shop, login)
    assert not host.members.may_write(f"{ORG}/nothing", STRANGER)


def test_we_ourselves_never_count(host: CodeHost, shop: str) -> None:
    host.invite(shop, STRANGER)
    assert host.members.may_write(shop, STRANGER)
    assert not host.members.may_write(shop, host.login)


# -------------------- what is proposed


def test_a_pull_request_proposes_its_newest_commit_while_it_is_open(host: CodeHost, shop: str) -> None:
    first = branch_off(host, shop, "blue")
    number = host.open_pull(shop, "blue")
    assert host.pull_heads.of_open(shop, number) == first
    second = commit(host, shop, File("new.txt", b"newer"), branch="blue")
    assert eventually(lambda: host.pull_heads.of_open(shop, number) == second or None)
    host.close_pull(shop, number)
    assert host.pull_heads.of_open(shop, number) is None


def test_an_unknown_pull_request_is_missing(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.pull_heads.of_open(shop, 99)


# -------------------- what runs leave


def test_what_a_run_left_is_found_by_its_name_and_downloaded(host: CodeHost, shop: str) -> None:
    run_id = host.leave(shop, "box", b"left by a run" * 1000)
    assert host.artifacts.of_run(shop, run_id, "another") is None
    artifact = host.artifacts.of_run(shop, run_id, "box")
    assert artifact is not None
    with host.artifacts.download(shop, artifact.id) as chunks:
        content = b"".join(chunks)
    assert artifact.size_bytes == len(content)
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()


def test_an_unknown_artifact_is_missing(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing), host.artifacts.download(shop, 999_999):
        pass
