"""Files and archives of a repository on GitHub, chunk by chunk: PyGithub would read them whole.

An archive is a redirect to another host, whose address opens it for a few minutes: our token stays here.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Final, NoReturn
from urllib.parse import urljoin, urlsplit

import requests
from github import GithubException

from app.github.client import GitHub
from app.github.client import path as resource
from app.ports import ArchiveFormat

_TIMEOUT_SECONDS: Final = 15
_CHUNK_BYTES: Final = 64 * 1024
_LONGEST_REASON: Final = 1000
_MOST_REDIRECTS: Final = 2
_RAW: Final = "application/vnd.github.raw+json"
_KINDS: Final = {ArchiveFormat.TAR_GZ: "tarball", ArchiveFormat.ZIP: "zipball"}


class GitHubDownloads:
    """Port `Downloads`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def file(self, full_name: str, path: str, commit: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open a file of a commit."""
        # https://docs.github.com/en/rest/repos/contents#get-repository-content
        at = f"{resource('repos', full_name, 'contents', path)}?ref={commit}"
        return self.open(at, f"downloading {path} of {commit[:7]} in {full_name}")

    def archive(
        self, full_name: str, commit: str, packed: ArchiveFormat
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Open all files of a commit as an archive that GitHub packs."""
        # https://docs.github.com/en/rest/repos/contents#download-a-repository-archive-tar
        at = resource("repos", full_name, _KINDS[packed], commit)
        return self.open(at, f"downloading {commit[:7]} of {full_name}")

    @contextmanager
    def open(self, at: str, doing: str) -> Iterator[Iterator[bytes]]:
        """Open what is below a path of the API, wherever that leads."""
        with self._github.doing(doing), requests.Session() as session:
            session.auth = _no_auth  # else a .netrc of this machine would be read
            with closing(self._answer(session, self._github.api_url + at)) as answer:
                yield answer.iter_content(_CHUNK_BYTES)

    def _answer(self, session: requests.Session, url: str) -> requests.Response:
        """Ask GitHub, and then whom it names instead."""
        for _ in range(_MOST_REDIRECTS + 1):
            if url.startswith(f"{self._github.api_url}/"):
                self._github.pace.take_call(f"sending GET {urlsplit(url).path}")
            answer = _get(session, url, self._headers(url))
            if not answer.is_redirect:
                break
            answer.close()
            url = _next(url, answer)
        if not answer.ok or answer.is_redirect:
            _refuse(answer)
        return answer

    def _headers(self, url: str) -> dict[str, str]:
        """Return what is said to an address; our token only to the API."""
        headers = {"Accept": _RAW, "User-Agent": "branchline"}
        if url.startswith(f"{self._github.api_url}/"):
            headers["Authorization"] = f"Bearer {self._github.token()}"
        return headers


def _next(url: str, answer: requests.Response) -> str:
    """Return where a redirect leads: to the same host, or to one that speaks TLS."""
    location = urljoin(url, answer.headers["Location"])
    if urlsplit(location).scheme != "https" and urlsplit(location).netloc != urlsplit(url).netloc:
        raise GithubException(answer.status_code, None, dict(answer.headers), "redirected without TLS")
    return location


def _get(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    return session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS, allow_redirects=False)


def _refuse(answer: requests.Response) -> NoReturn:
    """Raise what PyGithub would, so that it is told as every other refusal."""
    with closing(answer):
        text = next(answer.iter_content(_LONGEST_REASON), b"").decode(errors="replace")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    raise GithubException(answer.status_code, data, dict(answer.headers))


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
