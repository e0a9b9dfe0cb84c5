"""PyGithub's way to the network, with our rules: requests keep our pace, writes take turns and are counted.

Not safe for threads, as PyGithub is not: its connection keeps the request at hand in its attributes. Each
thread has a requester of its own (`client`), all of them share one pace.
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from github import Consts, GithubException
from github.Auth import AppAuth, Auth
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester

from app.domain.limits import CallKind
from app.github.limits import told
from app.ports import Clock, Pace

WriteHook = Callable[[str, str], None]

# GitHub itself gives up after ten.
_TIMEOUT_SECONDS: Final = 10
_PER_PAGE: Final = 100
_KEEPS_METHOD: Final = frozenset({307, 308})


class PacedRequester(Requester):
    """Sends PyGithub's requests; `on_write` hears the verb and path of each one that is not a GET."""

    def __init__(self, auth: Auth, api_url: str, pace: Pace, clock: Clock, on_write: WriteHook) -> None:
        # No retries: urllib3's would repeat a POST whose answer was lost, PyGithub's would sleep for an hour.
        # No pauses: PyGithub's are per requester, ours hold for the process. Lazy: naming a repository
        # costs no request.
        super().__init__(
            auth,
            api_url,
            timeout=_TIMEOUT_SECONDS,
            user_agent="branchline",
            per_page=_PER_PAGE,
            verify=True,
            retry=None,
            pool_size=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
            api_version=Consts.API_VERSION_2022_11_28,
        )
        self._pace = pace
        self._clock = clock
        self._on_write = on_write

    def requestJson(  # noqa: N802, PLR0917 - PyGithub's name; every JSON request of PyGithub passes here
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002 - PyGithub's name
        cnx: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass | None = None,
        follow_302_redirect: bool = False,  # noqa: FBT001, FBT002 - PyGithub's signature
    ) -> tuple[int, dict[str, Any], str]:
        """Send one request, once; a moved repository's redirect is followed with the same method."""
        self._take(verb, url)
        send = super().requestJson
        answer = send(verb, url, parameters, headers, input, cnx, follow_302_redirect)
        if answer[0] in _KEEPS_METHOD:
            answer = send(verb, self._moved_to(answer), parameters, headers, input, cnx, follow_302_redirect)
        self._hear(answer[1])
        return _checked(answer)

    def _take(self, verb: str, url: str) -> None:
        path = urlsplit(url).path
        if verb == "GET":
            self._pace.take_call(f"sending GET {path}")
        elif url == self.graphql_url:  # we only ask there
            self._pace.take_call(f"sending POST {path}", CallKind.QUESTION)
        else:
            self._pace.take_turn(f"sending {verb} {path}")
            self._on_write(verb, path)

    def _hear(self, headers: dict[str, Any]) -> None:
        """Note what is left of a budget; what an App asks as itself, it has another for."""
        if isinstance(self.auth, AppAuth):
            return
        found = told(headers, self._clock())
        if found is not None:
            resource, left = found
            self._pace.hear(resource, limit=left.limit, remaining=left.remaining, reset_seconds=left.reset_at)

    def _moved_to(self, answer: tuple[int, dict[str, Any], str]) -> str:
        """Return where a redirect leads; one to another host would take our token with it."""
        status, headers, _ = answer
        location = str(headers.get("location", ""))
        if urlsplit(location).hostname != self.hostname:
            raise GithubException(status, None, headers, "redirected to another host")
        return location


def _checked(answer: tuple[int, dict[str, Any], str]) -> tuple[int, dict[str, Any], str]:
    """Return an answer fit for PyGithub, which takes a redirect, or a proxy's page, for data."""
    status, headers, text = answer
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        raise GithubException(status, None, headers, "redirected too often")
    if status < 300 and text and "json" not in str(headers.get("content-type", "")):  # noqa: PLR2004
        raise GithubException(502, None, headers, "the answer is not JSON")
    return answer
