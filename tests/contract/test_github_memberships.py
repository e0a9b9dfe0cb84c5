"""What we ask GitHub about people is described by GitHub, and its published answers are ones we read."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.domain.rights import Level
from app.errors import RateLimited, RemoteUnavailable, Unauthenticated
from app.github.client import GitHub
from app.github.memberships import GitHubMemberships
from app.github.names import BELIEVED_SECONDS
from app.ports.people import Account
from app.settings import Secret
from tests.accounts import github_settings
from tests.builders import a_repository
from tests.fakes.published_github import PublishedGitHub

NAME, R = "acme/shop", "/repos/{owner}/{repo}"
PERMISSION = f"GET {R}/collaborators/{{username}}/permission"
COLLABORATOR = f"GET {R}/collaborators/{{username}}"
OCTOCAT = Account(1, "octocat", None, None)
SETTINGS = github_settings()
SHOP = replace(a_repository(1), id=1296269, full_name=NAME)
NAMED = f"GET {R}"


def published(mock: responses.RequestsMock, **given: Any) -> PublishedGitHub:
    answers = PublishedGitHub("/api/v3", **given)
    for method in ("GET", "POST", "PUT"):
        mock.add_callback(method, re.compile(re.escape(SETTINGS.api_url) + "/.*"), callback=answers)
    return answers


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def memberships(**changes: Any) -> GitHubMemberships:
    return GitHubMemberships(GitHub(github_settings(**changes), lambda: datetime.now(UTC)))


def memberships_at(monotonic: Callable[[], float]) -> GitHubMemberships:
    return GitHubMemberships(GitHub(SETTINGS, lambda: datetime.now(UTC)), monotonic=monotonic)


@pytest.fixture(scope="module")
def as_app() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"token": None, "app_id": "1", "private_key": Secret(pem)}


def test_the_published_permission_is_read(mock: responses.RequestsMock) -> None:
    asked = published(mock)
    assert memberships().level(SHOP, OCTOCAT) is Level.ADMIN
    assert asked.seen == [PERMISSION, NAMED]
    assert f"/repositories/{SHOP.id}/collaborators/" in str(mock.calls[0].request.url)


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ("admin", Level.ADMIN),
        ("write", Level.WRITE),
        ("read", Level.READ),
        ("none", Level.NONE),
        ("new", Level.NONE),
    ],
)
def test_each_permission_is_a_level(mock: responses.RequestsMock, told: str, level: Level) -> None:
    published(mock, mended={PERMISSION: {"permission": told, "role_name": told, "user": {"id": 1}}})
    assert memberships().level(SHOP, OCTOCAT) is level


def test_only_of_who_may_read_it_is_asked_whether_everybody_may(mock: responses.RequestsMock) -> None:
    reading = {PERMISSION: {"permission": "read", "role_name": "read", "user": {"id": 1}}}
    asked = published(mock, mended=reading, absent={COLLABORATOR})
    assert memberships().level(SHOP, OCTOCAT) is Level.NONE
    assert asked.seen == [PERMISSION, COLLABORATOR]


@pytest.mark.parametrize(
    ("told", "first", "again"), [("none", 1, 1), ("read", 3, 2), ("write", 2, 1), ("admin", 2, 1)]
)
def test_whose_the_name_is_takes_one_call_in_five_minutes(
    mock: responses.RequestsMock, told: str, first: int, again: int
) -> None:
    mended = {PERMISSION: {"permission": told, "role_name": told, "user": {"id": 1}}}
    asked, seconds = published(mock, mended=mended), [0.0]
    asking = memberships_at(lambda: seconds[0])
    for now, calls in ((0.0, first), (BELIEVED_SECONDS - 1, again), (BELIEVED_SECONDS, first)):
        seconds[0] = now
        before = len(asked.seen)
        asking.level(SHOP, OCTOCAT)
        assert len(asked.seen) - before == calls


def test_a_name_that_leads_elsewhere_is_looked_at_each_time(mock: responses.RequestsMock) -> None:
    asked, asking = published(mock), memberships()
    for _ in range(2):
        assert asking.level(replace(SHOP, id=4711), OCTOCAT) is None
    assert asked.seen == [PERMISSION, NAMED] * 2


def test_a_name_that_leads_nowhere_is_no_right(mock: responses.RequestsMock) -> None:
    published(mock, absent={NAMED})
    assert memberships().level(SHOP, OCTOCAT) is None


def test_a_repository_that_is_not_shown_is_no_missing_right(mock: responses.RequestsMock) -> None:
    asked = published(mock, absent={PERMISSION})
    assert memberships().level(SHOP, OCTOCAT) is None
    assert asked.seen == [PERMISSION]


def test_the_published_membership_is_read(mock: responses.RequestsMock) -> None:
    asked = published(mock)
    assert memberships().is_member("acme", OCTOCAT)
    assert asked.seen == ["GET /orgs/{org}/memberships/{username}"]


def test_whoever_was_only_invited_is_no_member(mock: responses.RequestsMock) -> None:
    pending = {"state": "pending", "user": {"id": 1}}
    published(mock, mended={"GET /orgs/{org}/memberships/{username}": pending})
    assert not memberships().is_member("acme", OCTOCAT)


def test_an_invitation_is_as_described(mock: responses.RequestsMock) -> None:
    writing = {PERMISSION: {"permission": "write", "role_name": "write", "user": {"id": 1}}}
    asked = published(mock, mended=writing)
    memberships().invite(NAME, "octocat", Level.WRITE)
    assert asked.seen == [PERMISSION]
    memberships().invite(NAME, "octocat", Level.ADMIN)
    assert asked.seen[1:] == [PERMISSION, f"PUT {R}/collaborators/{{username}}"]


def test_the_published_repositories_of_somebody_are_read(mock: responses.RequestsMock) -> None:
    asked = published(mock)
    assert memberships().own("gho_token") == {1296269: Level.READ}
    assert asked.seen == ["GET /user/repos"]
    assert mock.calls[0].request.headers["Authorization"] == "token gho_token"


def test_of_our_app_the_published_installations_are_read(
    mock: responses.RequestsMock, as_app: dict[str, Any]
) -> None:
    asked = published(mock)
    found = memberships(**as_app).own("ghu_token")
    assert set(asked.seen) == {
        "GET /user/installations",
        "GET /user/installations/{installation_id}/repositories",
    }
    assert found == {1296269: Level.READ}


def test_pages_are_read_to_the_end_and_no_further_than_fifty(mock: responses.RequestsMock) -> None:
    def page(request: Any) -> tuple[int, dict[str, str], str]:
        number = int(re.search(r"[?&]page=(\d+)", request.url)[1])  # type: ignore[index]
        items = ",".join(
            f'{{"id": {number * 1000 + each}, "permissions": {{"push": true, "pull": true}}}}'
            for each in range(100)
        )
        return 200, {"Content-Type": "application/json"}, f"[{items}]"

    mock.add_callback("GET", re.compile(".*/user/repos.*"), callback=page)
    found = memberships().own("gho_token")
    assert (len(found), len(mock.calls), set(found.values())) == (5000, 50, {Level.WRITE})


def test_a_token_that_ended_is_no_trouble_of_ours(mock: responses.RequestsMock) -> None:
    mock.add("GET", re.compile(".*"), status=401, json={"message": "Bad credentials"})
    with pytest.raises(Unauthenticated):
        memberships().own("gho_token")


def test_what_somebody_used_up_holds_up_nobody_else(mock: responses.RequestsMock) -> None:
    limited = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1", "Content-Type": "application/json"}
    mock.add("GET", re.compile(".*/user/repos.*"), status=403, json={"message": "no"}, headers=limited)
    published(mock)
    asking = memberships()
    with pytest.raises(RateLimited):
        asking.own("gho_token")
    assert asking.level(SHOP, OCTOCAT) is Level.ADMIN


def test_an_outage_is_no_missing_right(mock: responses.RequestsMock) -> None:
    mock.add("GET", re.compile(".*"), status=502, json={"message": "Bad gateway"})
    asking = memberships()
    with pytest.raises(RemoteUnavailable):
        asking.level(SHOP, OCTOCAT)
    with pytest.raises(RemoteUnavailable):
        asking.is_member("acme", OCTOCAT)
    with pytest.raises(RemoteUnavailable):
        asking.own("gho_token")
