"""Port `Memberships` over one `FakeCodeHost`, whose people, members and collaborators tests name."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.apps import Repository
from app.domain.rights import Level
from app.errors import RemoteMissing, Unauthenticated
from app.ports.people import Account
from tests.fakes.code_host import FakeCodeHost


@dataclass
class FakeMemberships:
    host: FakeCodeHost

    def level(self, repository: Repository, account: Account) -> Level | None:
        with self.host.faults.during("level"):
            found = self.host.repositories.get(repository.full_name)
            if found is None or found.description.id != repository.id:
                return None
            if account.login not in self.host.accounts:
                return None
            is_it = self.host.accounts[account.login] == account.id
            return found.levels.get(account.login, Level.NONE) if is_it else Level.NONE

    def is_member(self, organization: str, account: Account) -> bool:  # noqa: ARG002 - there is one
        with self.host.faults.during("is_member"):
            is_it = self.host.accounts.get(account.login) == account.id
            return is_it and account.login in self.host.members

    def own(self, token: str) -> Mapping[int, Level]:
        with self.host.faults.during("own"):
            login = self.host.bearers.get(token)
            if login is None:
                raise Unauthenticated("listing what somebody may see: the host takes the token no more")
            return {
                repository.description.id: repository.levels[login]
                for repository in self.host.repositories.values()
                if login in repository.levels
            }

    def invite(self, full_name: str, login: str, level: Level) -> None:
        with self.host.faults.during("invite"):
            repository = self.host.repository(full_name)
            if login not in self.host.accounts:
                raise RemoteMissing(f"inviting {login} to {full_name}: not found")
            if repository.levels.get(login, Level.NONE) < level:
                repository.levels[login] = level
                self.host.wrote(full_name)


def sign_up(host: FakeCodeHost, login: str, number: int, token: str | None = None) -> Account:
    """Have somebody with an account, and perhaps a token."""
    host.accounts[login] = number
    if token is not None:
        host.bearers[token] = login
    return Account(number, login, None, None)
