"""Who people are, how they sign in, and what GitHub lets them do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.apps import Repository
from app.domain.callers import ApiToken, Person, Session
from app.domain.rights import Level, Right


class People(Protocol):
    """Everybody who ever signed in."""

    def get(self, person_id: str, *, lock: bool = False) -> Person:
        """Return somebody. Raises NotFound."""

    def by_github_id(self, github_id: int) -> Person | None:
        """Return who has that account."""

    def save(self, person: Person) -> None:
        """Keep somebody, new or known."""


class Sessions(Protocol):
    """Sign-ins that have not ended."""

    def add(self, session: Session) -> None:
        """Keep a new one."""

    def get(self, digest: str) -> Session | None:
        """Return it by the digest of its secret."""

    def seen(self, digest: str, at: datetime) -> None:
        """Remember when it was last used."""

    def of(self, person_id: str, *, limit: int = 100) -> Sequence[Session]:
        """Return a person's, those that were used last before the others."""

    def end(self, digest: str) -> None:
        """End it."""

    def end_all(self, person_id: str) -> int:
        """End all of a person's, and say how many."""

    def forget(self, created_before: datetime, seen_before: datetime) -> int:
        """Delete those that ended by themselves, and say how many."""


class ApiTokens(Protocol):
    """Tokens of the API, also those that ended."""

    def add(self, token: ApiToken) -> None:
        """Keep a new one."""

    def get(self, token_id: str) -> ApiToken:
        """Return it. Raises NotFound."""

    def by_digest(self, digest: str) -> ApiToken | None:
        """Return the one with this digest."""

    def save(self, token: ApiToken) -> None:
        """Replace what is kept of it."""

    def used(self, token_id: str, at: datetime) -> None:
        """Remember when it was last used, and touch nothing else: it may be revoked at this moment."""

    def list(
        self, person_id: str | None, *, good_at: datetime | None = None, limit: int = 200
    ) -> Sequence[ApiToken]:
        """Return a person's, newest first, or those of everybody for None; only those good at some time."""


class Rights(Protocol):
    """What people might do to apps when somebody last looked: a cache, which decides nothing by itself."""

    def get(self, person_id: str, app_id: str) -> Right | None:
        """Return what is known."""

    def save(self, right: Right) -> None:
        """Keep it, new or known."""

    def replace(
        self,
        person_id: str,
        levels: Mapping[str, Level],
        at: datetime,
        *,
        outlived_since: datetime | None = None,
    ) -> None:
        """Keep that these are all that a person may do to apps with a repository, by app's id.

        Of apps whose repository is out of reach it is kept what was seen after `outlived_since`.
        """

    def readable(self, person_id: str, *, limit: int = 10_000) -> Collection[str]:
        """Return the apps that somebody may look at, and the workers that are theirs, by id."""

    def apps_of(self, repository_ids: Iterable[int]) -> Mapping[int, str]:
        """Return the apps that these repositories belong to, by the repository's id.

        An app that is out of reach belongs to none: whoever owns its repository by now decides nothing here.
        """


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the code host."""

    id: int
    login: str
    name: str | None
    avatar_url: str | None


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """What a device shows its owner, and asks with meanwhile, at most every `interval_seconds`."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in_seconds: int
    interval_seconds: int


class SignIn(Protocol):
    """People prove at the code host who they are; each answer of it is a token of theirs."""

    def address(self, *, state: str, challenge: str, redirect_uri: str) -> str:
        """Return where a browser goes to be asked; `challenge` is PKCE's, by S256."""

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the token for a code. Raises Unauthenticated when it is not, or no more, good for one."""

    def begin_device(self) -> DeviceCodes:
        """Begin the sign-in of a device without a browser of its own."""

    def finish_device(self, device_code: str) -> str | None:
        """Return a device's token, or None while its owner thinks.

        Raises:
            Unauthenticated: its owner said no, or too much time has passed.
            TooManyRequests: it was asked too early, and has to be asked less often from now on.
        """

    def account(self, token: str) -> Account:
        """Return whose token it is. Raises Unauthenticated."""

    def revoke(self, token: str) -> None:
        """Have it good no more; one that is not is no error."""


class Memberships(Protocol):
    """What the code host lets people do to repositories, as we see it and as they see it."""

    def level(self, repository: Repository, account: Account) -> Level | None:
        """Return what somebody was let do in a repository; what the public may do is nothing.

        Whoever has the account's login by now and another number is somebody else. None says that the host
        shows us no such repository, or another one by that name, or nobody of that login.
        """

    def is_member(self, organization: str, account: Account) -> bool:
        """Tell whether somebody belongs to an organisation."""

    def own(self, token: str) -> Mapping[int, Level]:
        """Return what the bearer of a token may do, by the repository's id. Raises Unauthenticated."""

    def invite(self, full_name: str, login: str, level: Level) -> None:
        """Let somebody do that much in a repository; who may do more keeps it."""
