"""Environments, and which branch belongs to which.

`main` is production, `staging` is staging, everything else is a preview; an app may map its own branches.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Environment(StrEnum):
    """Where a deployment goes; each has a dispatch namespace of its own."""

    PRODUCTION = "production"
    STAGING = "staging"
    PREVIEW = "preview"


DEFAULT_BRANCHES: Final[Mapping[str, Environment]] = MappingProxyType(
    {"main": Environment.PRODUCTION, "staging": Environment.STAGING}
)


def environment_of(
    branch: str,
    pull_request: int | None,
    branches: Mapping[str, Environment] = DEFAULT_BRANCHES,
) -> Environment:
    """Return where a commit on `branch` goes; a pull request is a preview whatever its branch is called."""
    if pull_request is not None:
        return Environment.PREVIEW
    return branches.get(branch, Environment.PREVIEW)
