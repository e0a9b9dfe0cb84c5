"""Our own memory as pages look at it: many apps, or many scripts, in one statement however many they are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status


class Glances(Protocol):
    """Looks at what lists show of many things at once. It changes nothing."""

    def last_deployments(self, app_ids: Collection[str]) -> Mapping[str, Deployment]:
        """Return the deployment of each app that was begun last, by the app's id."""

    def newest_to(
        self, app_id: str, scripts: Collection[str], statuses: frozenset[Status]
    ) -> Mapping[str, Deployment]:
        """Return the newest deployment of an app to each of these scripts, in the order of their runs."""

    def shown(self, app_ids: Collection[str]) -> Mapping[str, Sequence[Alias]]:
        """Return the aliases of each app that show something, by the app's id."""

    def pushers(
        self, app_ids: Collection[str], *, limit: int, until: datetime | None = None
    ) -> Mapping[tuple[str, str], str]:
        """Return who pushed a commit, by app and commit, of the last pushes of each app, or the last `until`
        then.
        """

    def names(self, owner_ids: Collection[str]) -> Mapping[str, str]:
        """Return what apps and workers are called, by their ids; those that are gone are left out."""
