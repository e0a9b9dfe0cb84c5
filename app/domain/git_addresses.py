"""Git addresses that strangers give us: which of them may be asked, as far as the text tells.

What a name leads to is looked at when it is asked (`app/git/resolving`). An operator may trust origins, which
then need neither TLS nor a public address.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from app.errors import InvalidInput

_LONGEST: Final = 1000
_PORTS: Final = {"https": 443, "http": 80}
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~+-]+)+/?")
# A last label of letters: what begins like a number, or has no dot, may be read as an address.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PUBLIC_HOST: Final = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?![0-9]){_LABEL}")
_PRIVATE_ENDS: Final = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion")


@dataclass(frozen=True, slots=True)
class GitAddress:
    """Where a repository is; one that `is_trusted` was listed by the operator."""

    url: str
    host: str
    port: int
    is_trusted: bool

    @classmethod
    def parse(cls, text: str, trusted_origins: Collection[str] = ()) -> "GitAddress":
        """Return the address that a text is.

        Raises:
            InvalidInput: it is none of https on a public host, and of no trusted origin; or it has
                credentials, a query or a fragment.
        """
        try:
            parts = urlsplit(text)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise _refused(text, "is malformed") from None
        _check_form(text, parts)
        host = parts.hostname or ""
        is_trusted = origin(parts.scheme, host, port) in {origin_of(it) for it in trusted_origins}
        if not is_trusted:
            _check_public(text, parts, port)
        return cls(text, host, port, is_trusted)


def suggested_name(text: str) -> str:
    """Return a name for an app, made of the last part of an address; perhaps not one that it may have."""
    last = text.rstrip("/").rpartition("/")[2].removesuffix(".git").lower()
    return re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:50].strip("-")


def origin(scheme: str, host: str, port: int) -> str:
    """Return an origin with its port, so that two of them can be compared."""
    return f"{scheme}://{host}:{port}"


def origin_of(url: str) -> str:
    """Return the origin of an address that the operator wrote."""
    parts = urlsplit(url)
    return origin(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))


def _check_form(text: str, parts: SplitResult) -> None:
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise _refused(text, "is too long, or has other than printable ASCII characters")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _refused(text, "is not an https address")
    if "@" in parts.netloc:
        raise _refused("https://…", "has a user or a password; only public repositories are taken")
    if "?" in text or "#" in text:
        raise _refused(text, "has a query or a fragment")
    if not _PATH.fullmatch(parts.path):
        raise _refused(text, "names no repository")


def _check_public(text: str, parts: SplitResult, port: int) -> None:
    host = parts.hostname or ""
    if parts.scheme != "https" or port != _PORTS["https"]:
        raise _refused(text, "is not https on its usual port")
    if not _PUBLIC_HOST.fullmatch(host) or host.endswith(_PRIVATE_ENDS):
        raise _refused(text, "is not on a host with a public name")


def _refused(text: str, problem: str) -> InvalidInput:
    return InvalidInput(f"importing from {text[:200]!r}: it {problem}", code="import:invalid-address")
