"""Names: of apps, of their scripts, of the records we keep.

A script's name is one DNS label, because `{script}.{APPS_DOMAIN}` is its address and the certificate of a
domain covers exactly one label below it. Names say nothing about who may use them.
"""

import random
import re
from datetime import datetime
from typing import Final

from ulid import ULID

from app.domain.environments import Environment
from app.errors import InvalidInput

MAXIMUM_LABEL: Final = 63
_KEY_LENGTH: Final = 10
_SLUG_LENGTH: Final = 8
# Neither vowels nor characters that are read as one another: a slug is read out and never spells a word.
_SLUG_LETTERS: Final = "bcdfghjkmnpqrstvwxz"
_SLUG_CHARACTERS: Final = _SLUG_LETTERS + "23456789"
_SLUG: Final = re.compile(f"[{_SLUG_LETTERS}][{_SLUG_CHARACTERS}]{{{_SLUG_LENGTH - 1}}}")
_APP_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")


def new_slug(entropy: random.Random) -> str:
    """Return eight lower-case letters and digits that start with a letter (19 x 27^7, about 2 x 10^11)."""
    tail = (entropy.choice(_SLUG_CHARACTERS) for _ in range(_SLUG_LENGTH - 1))
    return entropy.choice(_SLUG_LETTERS) + "".join(tail)


def is_slug(text: str) -> bool:
    """Tell whether a text is one that `new_slug` may have returned; few words of people's are."""
    return _SLUG.fullmatch(text) is not None


def new_id(prefix: str, at: datetime) -> str:
    """Return an id that sorts by the time it was made: `app_01K…`."""
    return f"{prefix}_{ULID.from_datetime(at)}".lower()


def script_name(
    slug: str, environment: Environment, pull_request: int | None = None, *, is_from_fork: bool = False
) -> str:
    """Return the script that an environment, or a pull request's preview, lives in.

    A pull request's number counts only for previews. A fork's have a prefix of their own, by which the
    dispatch worker keeps them in the untrusted namespace.

    Raises:
        InvalidInput: when the name would not fit into a DNS label.
    """
    if environment is Environment.PRODUCTION:
        name = slug
    elif environment is Environment.PREVIEW and pull_request is not None:
        name = f"{_prefix(environment, is_from_fork=is_from_fork)}-pr{pull_request}-{slug}"
    else:
        name = f"{environment}-{slug}"
    if len(name) > MAXIMUM_LABEL:
        raise InvalidInput(f"naming script {name}: longer than {MAXIMUM_LABEL} characters")
    return name


def own_script_name(
    slug: str, environment: Environment, deployment_id: str, *, is_from_fork: bool = False
) -> str:
    """Return the script that shows one deployment and never another: `production-4xr0q2h9tb-k7x2m9qd`.

    The end of the id is random (50 bits), and two deployments of one app do not share it.
    """
    key = deployment_id[-_KEY_LENGTH:].replace("_", "-")
    return f"{_prefix(environment, is_from_fork=is_from_fork)}-{key}-{slug}"


def _prefix(environment: Environment, *, is_from_fork: bool) -> str:
    return "fork" if is_from_fork else environment.value


def check_app_name(name: str) -> str:
    """Return `name` when a repository and a person can bear it.

    Raises:
        InvalidInput: it is not 1 to 50 lower-case letters, digits and inner hyphens.
    """
    if not _APP_NAME.fullmatch(name):
        raise InvalidInput(
            f"naming app {name[:60]!r}: use 1 to 50 lower-case letters, digits and hyphens, "
            "with no hyphen at either end",
            code="app:invalid-name",
            name=name[:60],
        )
    return name
