"""What may be done to an app, and how much right on its repository each of it takes.

GitHub's own permission decides: who may read the repository may look, who may write to it may deploy, who
administers it may do what cannot be taken back. How a permission is found out is not known here.
https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

from app.domain.environments import Environment


class Level(IntEnum):
    """How much somebody may do to an app; each level holds those below it."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """Its name for people and for records."""
        return self.name.lower()


class Act(StrEnum):
    """What is done; operators may do all of it, and only they what is in no table here."""

    SEE = "see"
    INVOKE = "invoke"
    WRITE_FILES = "write-files"
    DEPLOY = "deploy"
    RELEASE = "release"
    PREVIEW = "preview"
    SET_VARIABLES = "set-variables"
    SET_SECRETS = "set-secrets"
    RECONCILE = "reconcile"
    SET_POLICY = "set-policy"
    DELETE = "delete"
    CREATE = "create"
    OPERATE = "operate"
    ACCOUNT = "account"


_NEEDED: Final[Mapping[Act, Level]] = {
    Act.SEE: Level.READ,
    Act.INVOKE: Level.WRITE,
    Act.WRITE_FILES: Level.WRITE,
    Act.DEPLOY: Level.WRITE,
    Act.RELEASE: Level.WRITE,
    Act.PREVIEW: Level.WRITE,
    Act.SET_VARIABLES: Level.WRITE,
    Act.SET_SECRETS: Level.ADMIN,
    Act.RECONCILE: Level.WRITE,
    Act.SET_POLICY: Level.ADMIN,
    Act.DELETE: Level.ADMIN,
}
# What visitors of production see changes at once, and without a commit that others could review.
_ADMIN_IN_PRODUCTION: Final = frozenset({Act.RELEASE})


def needed(act: Act, environment: Environment | None = None) -> Level:
    """Return the level on the app that an act takes; raises KeyError for an act that is about no app."""
    if act in _ADMIN_IN_PRODUCTION and environment is Environment.PRODUCTION:
        return Level.ADMIN
    return _NEEDED[act]


def is_about_an_app(act: Act) -> bool:
    """Tell whether an act is done to one app, or to what belongs to one."""
    return act in _NEEDED


class Scope(StrEnum):
    """How much an API token may do at most; each holds those above it."""

    READ = "apps:read"
    DEPLOY = "deploy"
    ADMIN = "admin"

    @property
    def cap(self) -> Level:
        """The most that its bearer may do to any app."""
        return _CAPS[self]


_CAPS: Final[Mapping[Scope, Level]] = {
    Scope.READ: Level.READ,
    Scope.DEPLOY: Level.WRITE,
    Scope.ADMIN: Level.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Right:
    """What a person might do to an app when somebody looked."""

    person_id: str
    app_id: str
    level: Level
    looked_at: datetime
