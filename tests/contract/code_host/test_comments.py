import pytest

from app.errors import RemoteMissing
from app.ports import File
from tests.contract.code_host.hosts import ORG, CodeHost, commit, head

MARKER = "<!-- branchline:app_1 -->"


@pytest.fixture
def pull(host: CodeHost, shop: str) -> int:
    host.contents.ensure_branch(shop, "blue", head(host, shop))
    commit(host, shop, File("a", b"blue"), branch="blue")
    return host.open_pull(shop, "blue")


def test_our_comment_is_found_by_marker_and_author(host: CodeHost, shop: str, pull: int) -> None:
    host.say(shop, pull, f"quoting {MARKER}")
    assert host.comments.find(shop, pull, MARKER) is None
    host.comments.create(shop, pull, "another of ours")
    ours = host.comments.create(shop, pull, f"status {MARKER}")
    assert host.comments.find(shop, pull, MARKER) == ours


def test_a_comment_is_updated_until_somebody_deletes_it(host: CodeHost, shop: str, pull: int) -> None:
    ours = host.comments.create(shop, pull, f"old {MARKER}")
    assert host.comments.update(shop, ours, f"new {MARKER}") is True
    assert host.comments.find(shop, pull, "new") == ours
    host.delete_comment(shop, ours)
    assert host.comments.update(shop, ours, "newer") is False
    assert host.comments.find(shop, pull, MARKER) is None


def test_comments_of_another_pull_request_are_not_ours(host: CodeHost, shop: str, pull: int) -> None:
    host.comments.create(shop, pull, MARKER)
    host.contents.ensure_branch(shop, "red", head(host, shop))
    commit(host, shop, File("a", b"red"), branch="red")
    assert host.comments.find(shop, host.open_pull(shop, "red"), MARKER) is None


def test_comments_of_an_absent_repository_are_an_error(host: CodeHost) -> None:
    with pytest.raises(RemoteMissing):
        host.comments.find(f"{ORG}/nothing", 1, MARKER)
