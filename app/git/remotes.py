"""How a place is spoken to: a stranger's with no credential and at the addresses we looked at, ours with a
credential that is never on a command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from app.domain.apps import Repository
from app.domain.git_addresses import GitAddress
from app.git.resolving import Resolve, pinned

_PASSWORD: Final = "BRANCHLINE_GIT_PASSWORD"  # noqa: S105 - the name of a variable
_HELPER: Final = (
    f'!f() {{ test "$1" = get && printf "username=x-access-token\\npassword=%s\\n" "${_PASSWORD}"; }}; f'
)


@dataclass(frozen=True, slots=True)
class Remote:
    """An address for git, with the settings and secrets that go with it."""

    url: str
    configuration: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_ours: bool = False


def elsewhere(address: GitAddress, resolve: Resolve) -> Remote:
    """Return a stranger's place, its name looked up now and for all of what follows.

    Raises:
        RemoteRefused: it leads to nowhere, or to where nobody may send us.
    """
    # https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpcurloptResolve
    places = ",".join(f"[{it}]" if ":" in it else it for it in pinned(address, resolve))
    return Remote(
        address.url,
        {
            f"protocol.{urlsplit(address.url).scheme}.allow": "always",
            "http.curloptResolve": f"{address.host}:{address.port}:{places}",
        },
    )


def ours(repository: Repository, token: str) -> Remote:
    """Return one of our repositories, opened with a token."""
    parts = urlsplit(repository.clone_url)
    return Remote(
        repository.clone_url,
        {
            f"protocol.{parts.scheme}.allow": "always",
            # For this host alone: redirects are off, and this is what holds if they ever are not.
            f"credential.{parts.scheme}://{parts.netloc}.helper": _HELPER,
        },
        {_PASSWORD: token},
        is_ours=True,
    )
