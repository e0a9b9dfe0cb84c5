"""Who was let do what on GitHub: one person in one repository as we see it, all of a person's as they see it.

What GitHub lets everybody do with a public repository is nothing that somebody was let do.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from github import UnknownObjectException

from app.domain.apps import Repository
from app.domain.rights import Level
from app.errors import RemoteForbidden, RemoteMissing, Unauthenticated
from app.github.client import GitHub, path
from app.github.names import Names
from app.github.requester import PacedRequester
from app.ports.people import Account

_PAGE: Final = 100
# The 5,000 repositories that were used last; whoever has more finds the others by their names.
_MOST_PAGES: Final = 50
_LEVELS: Final[Mapping[str, Level]] = {
    "admin": Level.ADMIN,
    "maintain": Level.WRITE,
    "write": Level.WRITE,
    "push": Level.WRITE,
    "triage": Level.READ,
    "read": Level.READ,
    "pull": Level.READ,
}
_INVITED: Final[Mapping[Level, str]] = {Level.READ: "pull", Level.WRITE: "push", Level.ADMIN: "admin"}
_REFUSED: Final = 401
_AFFILIATION: Final = "owner,collaborator,organization_member"


class GitHubMemberships:
    """Port `Memberships`; where we are an App people sign in to it, else to an OAuth App."""

    def __init__(self, github: GitHub, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._github, self._names = github, Names(github, monotonic)

    def level(self, repository: Repository, account: Account) -> Level | None:
        """Return what somebody was let do in a repository; None when it is not there, or they are not.

        It is asked for by its id, as GitHub's own links and redirects do: a name is whoever's has it now.
        What is then done there is done by name, so its name has to lead to it.
        """
        # https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api#using-link-headers
        place = path("repositories", repository.id, "collaborators", account.login)
        try:
            with self._github.doing(f"looking what {account.login} may do in repository {repository.id}"):
                number, level = self._granted(place)
        except RemoteMissing:
            return None
        if level is Level.NONE or number != account.id:
            return Level.NONE
        return level if self._names.lead_to(repository) else None

    def is_member(self, organization: str, account: Account) -> bool:
        """Tell whether somebody belongs to an organisation; who was only invited does not yet."""
        # https://docs.github.com/en/rest/orgs/members#get-organization-membership-for-a-user
        try:
            with self._github.doing(f"looking whether {account.login} belongs to {organization}"):
                answer = self._github.request("GET", path("orgs", organization, "memberships", account.login))
                return bool(answer["state"] == "active" and answer["user"]["id"] == account.id)
        except RemoteMissing:
            return False

    def own(self, token: str) -> Mapping[int, Level]:
        """Return what the bearer of a token may do, by the repository's id. Raises Unauthenticated."""
        doing = "listing what somebody may see"
        listed = _of_installations if self._github.is_app else _of_account
        try:
            with self._github.acting_as(token, doing) as requester:
                return {int(it["id"]): _highest(it.get("permissions") or {}) for it in listed(requester)}
        except RemoteForbidden as refused:
            if refused.details.get("status") != _REFUSED:
                raise
            raise Unauthenticated(f"{doing}: GitHub takes the token no more") from refused

    def invite(self, full_name: str, login: str, level: Level) -> None:
        """Let somebody do that much in a repository; who may do more keeps it."""
        # https://docs.github.com/en/rest/collaborators/collaborators#add-a-repository-collaborator
        with self._github.doing(f"inviting {login} to {full_name}"):
            place = path("repos", full_name, "collaborators", login)
            _, known = self._granted(place)
            if known < level:
                self._github.request("PUT", place, {"permission": _INVITED[level]})

    def _granted(self, place: str) -> tuple[int, Level]:
        """Return whose login that is by now, and what they were let do."""
        # https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        answer = self._github.request("GET", f"{place}/permission")
        level = _LEVELS.get(answer["permission"], Level.NONE)
        if level is Level.READ and not self._is_collaborator(place):
            level = Level.NONE
        return int(answer["user"]["id"]), level

    def _is_collaborator(self, place: str) -> bool:
        """Tell who was let read from everybody, who may read what is public."""
        # https://docs.github.com/en/rest/collaborators/collaborators#check-if-a-user-is-a-repository-collaborator
        try:
            self._github.request("GET", place)
        except UnknownObjectException:
            return False
        return True


def _of_account(requester: PacedRequester) -> Iterator[Mapping[str, Any]]:
    # https://docs.github.com/en/rest/repos/repos#list-repositories-for-the-authenticated-user
    return _pages(requester, "/user/repos", None, {"affiliation": _AFFILIATION, "sort": "pushed"})


def _of_installations(requester: PacedRequester) -> Iterator[Mapping[str, Any]]:
    # https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-user-access-token
    for installation in _pages(requester, "/user/installations", "installations"):
        place = path("user", "installations", installation["id"], "repositories")
        yield from _pages(requester, place, "repositories")


def _pages(
    requester: PacedRequester, place: str, key: str | None, query: Mapping[str, str] | None = None
) -> Iterator[Mapping[str, Any]]:
    for page in range(1, _MOST_PAGES + 1):
        asked = {**(query or {}), "per_page": str(_PAGE), "page": str(page)}
        answer = requester.requestJsonAndCheck("GET", place, asked)[1]
        items: Sequence[Mapping[str, Any]] = answer if key is None else answer[key]
        yield from items
        if len(items) < _PAGE:
            return


def _highest(permissions: Mapping[str, bool]) -> Level:
    given = (_LEVELS.get(name, Level.NONE) for name, is_given in permissions.items() if is_given)
    return max(given, default=Level.NONE)
