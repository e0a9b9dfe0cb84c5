"""Our own memory of what is live: aliases, own scripts, assets, variables, and proofs used up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from app.domain.aliases import Alias
from app.domain.approvals import Approval
from app.domain.bundles import KnownAsset
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.variables import Variable


class Aliases(Protocol):
    """Which deployment each environment, and each preview, shows."""

    def get(self, script: str) -> Alias | None:
        """Return the alias of a script; None when nothing ever was meant for it."""

    def save(self, alias: Alias) -> None:
        """Keep it, new or known."""

    def of_app(self, app_id: str) -> Sequence[Alias]:
        """Return those of an app, by script."""

    def expired(self, now: datetime, *, limit: int) -> Sequence[Alias]:
        """Return those whose time is over and that are not taken down yet, the longest over first."""

    def forget(self, app_id: str) -> None:
        """Let all of an app go."""


class OwnScripts(Protocol):
    """The scripts that show one deployment each."""

    def by_name(self, script: str) -> Deployment | None:
        """Return the deployment whose own script this is."""

    def standing(self, app_id: str, script: str) -> Sequence[Deployment]:
        """Return the deployments to an alias whose own scripts are up, in the order of their runs, newest
        first.
        """

    def expired(self, now: datetime, *, limit: int) -> Sequence[Deployment]:
        """Return those whose time is over and that are not taken down yet, the longest over first."""

    def renew(self, app_id: str, script: str, expires_at: datetime) -> None:
        """Give every own script of an alias that is up, and expires, until then."""


class Assets(Protocol):
    """Which bytes a client meant when it named an asset by a hash of its own making.

    `scope` says whose names those are: what one app, or one environment, was told is not believed elsewhere.
    """

    def known(self, scope: str, names: Sequence[str]) -> Mapping[str, KnownAsset]:
        """Return those of `names` that were uploaded before."""

    def add(self, scope: str, assets: Mapping[str, KnownAsset]) -> None:
        """Keep what was uploaded under its name; one that is known stays as it is."""


class Tokens(Protocol):
    """The ids of tokens that are good for one use."""

    def use(self, token_id: str, until: datetime) -> bool:
        """Take note of a use; False when it was used before. It may be forgotten after `until`."""

    def forget(self, before: datetime) -> None:
        """Let go of those that ended by themselves."""


class Variables(Protocol):
    """Variables and secrets; a secret's value is its ciphertext."""

    def of(self, app_id: str, environment: Environment) -> Sequence[Variable]:
        """Return those of an environment by name."""

    def save(self, variable: Variable) -> None:
        """Keep it, new or known."""

    def remove(self, app_id: str, environment: Environment, name: str) -> bool:
        """Let it go; False when there was none."""

    def secrets(self, after: tuple[str, str, str] | None, *, limit: int) -> Sequence[Variable]:
        """Return secrets of all apps in the order of app, environment and name, after such a place."""

    def forget(self, app_id: str) -> None:
        """Let all of an app go."""


class Approvals(Protocol):
    """Which commits of forks may have a preview."""

    def get(self, app_id: str, pull_request: int, commit: str) -> Approval | None:
        """Return who approved a commit, or None."""

    def add(self, approval: Approval) -> bool:
        """Keep it; False when the commit was approved already, and nothing changes."""
