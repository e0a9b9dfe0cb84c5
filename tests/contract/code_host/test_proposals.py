import pytest

from app.errors import RemoteConflict, RemoteMissing
from app.ports import File, Proposal
from tests.contract.code_host.hosts import ORG, CodeHost, commit, head


@pytest.fixture
def blue(host: CodeHost, shop: str) -> str:
    host.contents.ensure_branch(shop, "feature/blue", head(host, shop))
    commit(host, shop, File("a", b"blue"), branch="feature/blue")
    return "feature/blue"


def propose(host: CodeHost, name: str, branch: str, base: str = "main") -> Proposal:
    return host.proposals.open(name, head=branch, base=base, title="A blue button", body="Look")


def test_a_pull_request_is_opened_once(host: CodeHost, shop: str, blue: str) -> None:
    made = propose(host, shop, blue)
    assert made.html_url.endswith(f"/{shop}/pull/{made.number}")
    assert propose(host, shop, blue) == made


def test_two_branches_have_two_pull_requests(host: CodeHost, shop: str, blue: str) -> None:
    host.contents.ensure_branch(shop, "red", head(host, shop))
    commit(host, shop, File("a", b"red"), branch="red")
    assert propose(host, shop, blue).number != propose(host, shop, "red").number
    assert propose(host, shop, blue, "red").number != propose(host, shop, blue).number


def test_nothing_to_merge_is_a_conflict(host: CodeHost, shop: str) -> None:
    host.contents.ensure_branch(shop, "same", head(host, shop))
    for branch in ("same", "nothing"):
        with pytest.raises(RemoteConflict):
            propose(host, shop, branch)


def test_an_absent_repository_is_missing(host: CodeHost) -> None:
    with pytest.raises(RemoteMissing):
        propose(host, f"{ORG}/nothing", "blue")
