"""The tokens that `branchline login` was given, one for each control plane, in a file of this user's own."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from app.errors import InvalidInput

_PRIVATE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


def place() -> Path:
    """Return where they are kept."""
    return Path(click.get_app_dir("branchline")) / "credentials.json"


def current_url() -> str | None:
    """Return the control plane that was signed in to last."""
    current = _read().get("current")
    return current if isinstance(current, str) else None


def token_for(url: str) -> str | None:
    """Return the token for a control plane; none is ever sent to another."""
    token = _tokens(_read()).get(_key(url))
    return token if isinstance(token, str) else None


def keep(url: str, token: str) -> None:
    """Keep a token, in place of the one before."""
    _write({"current": _key(url), "tokens": {**_tokens(_read()), _key(url): token}})


def forget(url: str) -> None:
    """Let the token for a control plane go."""
    left = {known: token for known, token in _tokens(_read()).items() if known != _key(url)}
    _write({"current": next(iter(left), None), "tokens": left})


def _key(url: str) -> str:
    return url.strip().rstrip("/")


def _tokens(content: Mapping[str, Any]) -> Mapping[str, Any]:
    found = content.get("tokens")
    return found if isinstance(found, dict) else {}


def _read() -> Mapping[str, Any]:
    try:
        content = json.loads(place().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidInput(f"reading {place()}: {error}; delete it and sign in again") from error
    return content if isinstance(content, dict) else {}


def _write(content: Mapping[str, Any]) -> None:
    """Write the file so that nobody else ever reads it, and nobody half of it."""
    path = place()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
            json.dump(content, file, indent=2)
        draft.replace(path)
    except OSError as error:
        raise InvalidInput(f"writing {path}: {error}") from error
