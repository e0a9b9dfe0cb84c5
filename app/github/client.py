"""One GitHub, spoken to as one account, from any number of threads.

Adapters ask it for lazy PyGithub objects, or send a request that PyGithub lacks; they do so inside `doing`,
which alone turns vendor errors into ours. It knows no port.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import quote

from github.Auth import Auth, Token
from github.Repository import Repository

from app.errors import Broken, InvalidInput, RateLimited
from app.github.errors import VENDOR_ERRORS, translated
from app.github.identity import identity_from
from app.github.limits import allowance
from app.github.requester import PacedRequester, WriteHook
from app.pacing.ledgers import LocalLedgers
from app.pacing.pacer import Pacer
from app.ports import Clock, Pace
from app.settings import GitHubSettings

_DOTTED: Final = frozenset({".", ".."})


def _ignore(_verb: str, _path: str) -> None:
    """Hear of a write and do nothing."""


class GitHub:
    """A GitHub as one account sees it; `on_write` hears of every write, before it is sent.

    Without `pace` it keeps to what GitHub allows as if there were no other process.
    """

    def __init__(
        self,
        settings: GitHubSettings,
        clock: Clock,
        *,
        pace: Pace | None = None,
        on_write: WriteHook = _ignore,
    ) -> None:
        self._api_url = settings.api_url
        self._clock = clock
        self._identity = identity_from(settings)
        self._allowance = allowance(settings)
        self.pace: Final[Pace] = pace or Pacer(self._allowance, LocalLedgers(), clock)
        self.is_app: Final = settings.app_id is not None
        self._on_write = on_write
        self._thread = threading.local()
        self._login: str | None = None

    @property
    def requester(self) -> PacedRequester:
        """This thread's requester: PyGithub keeps the request at hand in its connection.

        A lock around one shared requester would let a single slow answer hold up every job.
        """
        return self._requester("requester", self._identity.auth)

    def _requester(self, name: str, auth: Callable[[], Auth]) -> PacedRequester:
        if not hasattr(self._thread, name):
            made = PacedRequester(auth(), self._api_url, self.pace, self._clock, self._on_write)
            setattr(self._thread, name, made)
        return cast("PacedRequester", getattr(self._thread, name))

    @property
    def api_url(self) -> str:
        """The address that every path is below."""
        return self._api_url

    def token(self) -> str:
        """Return what opens GitHub for an hour or longer, for a request that PyGithub does not send.

        Never log it, nor put it on a command line.
        """
        auth = self.requester.auth
        if auth is None:
            raise Broken("speaking to GitHub: there is no credential")
        return auth.token

    def repository(self, full_name: str) -> Repository:
        """Return the repository as a lazy object; nothing is asked until its data is."""
        return Repository(self.requester, url=f"/repos/{full_name}")

    def request(
        self,
        verb: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        accept: str | None = None,
    ) -> Any:
        """Send a request that PyGithub lacks, or sends otherwise than we need, and return the JSON."""
        headers = {"Accept": accept} if accept else None
        return self.requester.requestJsonAndCheck(verb, path, query, headers, input=body)[1]

    def answer(
        self, verb: str, path: str, *, query: dict[str, str] | None = None, as_app: bool = False
    ) -> tuple[dict[str, Any], Any]:
        """Send a request and return its answer's headers and JSON; `as_app` with the App's own key."""
        requester = self._requester("app", self._identity.app_auth) if as_app else self.requester
        return requester.requestJsonAndCheck(verb, path, query)

    @contextmanager
    def acting_as(self, token: str, doing: str) -> Iterator[PacedRequester]:
        """Give a requester of somebody else's, and turn what is raised into our errors, which say `doing`.

        Their budget at GitHub is not ours: what they used up holds up nobody else. The token is kept nowhere.
        """
        pace = Pacer(self._allowance, LocalLedgers(), self._clock)
        requester = PacedRequester(Token(token), self._api_url, pace, self._clock, self._on_write)
        try:
            yield requester
        except VENDOR_ERRORS as error:
            raise translated(error, doing, self._clock()) from error
        finally:
            requester.close()

    def login(self) -> str:
        """Return the name under which we write; asked for once."""
        if self._login is None:
            self._login = self._identity.login(self.requester)
        return self._login

    @contextmanager
    def doing(self, doing: str) -> Iterator[None]:
        """Turn what GitHub and the network raise inside into our errors, which say `doing`.

        After a rate limit nothing is sent until it ends, by whichever process.
        """
        self.pace.check(doing)
        try:
            yield
        except VENDOR_ERRORS as error:
            ours = translated(error, doing, self._clock())
            if isinstance(ours, RateLimited):
                self.pace.be_silent_until(ours.retry_at)
            raise ours from error


def path(*segments: str | int) -> str:
    """Return a path of quoted segments; a repository's full name and a branch's slashes stay as they are.

    Raises:
        InvalidInput: a segment would lead elsewhere: dots are resolved before a request is sent, quoted too.
    """
    whole = "/" + "/".join(quote(str(segment)) for segment in segments)
    if not _DOTTED.isdisjoint(whole.split("/")):
        raise InvalidInput(f"asking GitHub: {whole[:200]} leads elsewhere")
    return whole
