"""Formats: what a setting may look like. Raw strings in, values out.

Each raises a ValueError that says what is wrong and does not quote what may be a secret. Which setting has
which format is not known here.
"""

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_MINIMUM_TOKEN: Final = 20
_KEY_BYTES: Final = 32


def place(raw: str) -> Path | str:
    """Return a directory, or BUCKET/PREFIX."""
    bucket = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[\w.=-]+)*)/?", raw, re.ASCII)
    if bucket and ".." not in bucket[1].split("/"):
        return bucket[1]
    path = Path(raw)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("neither an absolute path nor s3://BUCKET/PREFIX")
    return path


def absolute_path(raw: str) -> Path:
    """Accept where a file is on this machine."""
    path = Path(raw)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("not an absolute path")
    return path


def http_url(raw: str) -> str:
    """Accept an http(s) address of a place, without a slash at its end."""
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an http address")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("has a query, a fragment or a user")
    return raw.rstrip("/")


def origin(raw: str) -> str:
    """Accept `domain[:port]`, which means https, or a full http(s) origin."""
    url = http_url(raw if "://" in raw else f"https://{raw}")
    if urlsplit(url).path:
        raise ValueError("has a path")
    return url


def origins(raw: str) -> tuple[str, ...]:
    """Accept origins with their scheme, separated by commas."""
    found = tuple(part.strip() for part in raw.split(","))
    if not all("://" in it for it in found):
        raise ValueError("names no scheme")
    return tuple(origin(it) for it in found)


def database_url(raw: str) -> str:
    """Accept an SQLite file or a PostgreSQL database, as SQLAlchemy addresses them."""
    scheme, _, rest = raw.partition("://")
    if scheme == "sqlite":
        if not rest.startswith("/") or rest in {"/", "/:memory:"}:
            raise ValueError("names no file")
        return raw
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ValueError("neither sqlite nor postgresql")
    try:
        _ = urlsplit(raw).port
    except ValueError:
        # Python's own words would quote what it took for the port: perhaps a piece of the password.
        raise ValueError(
            "has no port that is a number; write @ / ? # in a password as %40 %2F %3F %23"
        ) from None
    return f"postgresql+psycopg://{rest}"


def issuer_of(api_url: str) -> str:
    """Return who signs the tokens of workflow runs at the GitHub with this API."""
    # https://docs.github.com/en/actions/reference/security/oidc
    host = urlsplit(api_url).hostname or ""
    if host == "api.github.com":
        return "https://token.actions.githubusercontent.com"
    if host.startswith("api.") and host.endswith(".ghe.com"):
        return f"https://token.actions.{host.removeprefix('api.')}"
    return f"{api_url.removesuffix('/api/v3')}/_services/token"


def pages_of(api_url: str) -> str:
    """Return where people see the GitHub with this API."""
    parts = urlsplit(api_url)
    host = parts.hostname or ""
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        return f"https://{host.removeprefix('api.')}"
    return api_url.removesuffix("/api/v3")


def logins(raw: str) -> frozenset[str]:
    """Accept logins at GitHub, or accounts' numbers as `id:1`, separated by commas; case does not matter."""
    found = frozenset(part.strip().lower() for part in raw.split(",") if part.strip())
    if not found or not all(
        re.fullmatch(r"id:[1-9][0-9]{0,18}|[a-z0-9][a-z0-9_-]{0,99}", it) for it in found
    ):
        raise ValueError("not logins, or numbers as id:1, with commas between them")
    return found


def issuer(raw: str) -> str:
    """Accept an address from which keys are fetched: nobody may change them on their way."""
    url = http_url(raw)
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ValueError("its keys would be fetched over plain http")
    return url


def deploy_auth(raw: str) -> str:
    """Accept a way in which runs prove who they are."""
    if raw not in {"oidc", "hmac", "token"}:
        raise ValueError("neither oidc, hmac nor token")
    return raw


def metrics_access(raw: str) -> str:
    """Accept who may read metrics."""
    if raw not in {"token", "open", "off"}:
        raise ValueError("neither token, open nor off")
    return raw


def heal(raw: str) -> str:
    """Accept what may be done about drift."""
    if raw not in {"off", "safe", "all"}:
        raise ValueError("neither off, safe nor all")
    return raw


def address_style(raw: str) -> str:
    """Accept a form of addresses."""
    if raw not in {"subdomain", "path"}:
        raise ValueError("unknown style")
    return raw


def at_least(length: int) -> Callable[[str], str]:
    """Return a format for secrets of some length."""

    def parse(raw: str) -> str:
        if len(raw) < length:
            raise ValueError(f"shorter than {length} characters")
        return raw

    return parse


def _matching(pattern: str, problem: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not re.fullmatch(pattern, raw):
            raise ValueError(problem)
        return raw

    return parse


def long_token(raw: str) -> str:
    """Accept a token that nobody guesses."""
    return token(at_least(_MINIMUM_TOKEN)(raw))


label = _matching(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", "not one DNS label")
digits = _matching(r"[0-9]+", "not a number")
word = _matching(r"[A-Za-z0-9_-]+", "not an id")
owner = _matching(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})", "not a GitHub owner")
# What travels in a header; libraries quote what they refuse there.
token = _matching(r"[!-~]+", "has spaces, line ends or other than ASCII characters")
full_name = _matching(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "not OWNER/NAME")


def encryption_keys(raw: str) -> list[str]:
    """Accept keys of Fernet with commas between them."""
    keys = [key.strip() for key in raw.split(",")]
    for number, key in enumerate(keys, 1):
        if not _is_encryption_key(key):
            raise ValueError(f"key {number} of {len(keys)} is not {_KEY_BYTES} bytes in URL-safe base64")
    return keys


def _is_encryption_key(key: str) -> bool:
    # https://github.com/fernet/spec/blob/master/Spec.md#key-format
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def private_key(raw: str) -> str:
    """Accept a PEM, also on one line."""
    pem = raw.replace("\\n", "\n")
    if "PRIVATE KEY-----" not in pem:
        raise ValueError("not a PEM private key")
    return pem


def seconds(raw: str) -> float:
    """Accept a pause."""
    pause = float(raw)
    if not 0 <= pause <= 60:  # noqa: PLR2004 - a minute between writes is already absurd
        raise ValueError("not between 0 and 60")
    return pause


def whole(least: int, most: int) -> Callable[[str], int]:
    """Accept a whole number within these bounds."""

    def parse(raw: str) -> int:
        if not raw.isascii() or not raw.isdigit() or not least <= int(raw) <= most:
            raise ValueError(f"not a whole number from {least} to {most}")
        return int(raw)

    return parse
