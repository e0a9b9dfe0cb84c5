"""What lists show of many things at once, over plain dicts."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status
from app.domain.events import Tag
from tests.fakes.memory import Memory


class FakeGlances:
    """`ports.Glances`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def last_deployments(self, app_ids: Collection[str]) -> Mapping[str, Deployment]:
        oldest_first = sorted(self._memory.deployments.values(), key=lambda it: (it.created_at, it.id))
        return {it.app_id: it for it in oldest_first if it.app_id in app_ids}

    def newest_to(
        self, app_id: str, scripts: Collection[str], statuses: frozenset[Status]
    ) -> Mapping[str, Deployment]:
        oldest_first = sorted(self._memory.deployments.values(), key=lambda it: (*it.order, it.id))
        return {
            it.script: it
            for it in oldest_first
            if it.app_id == app_id and it.script in scripts and it.status in statuses
        }

    def shown(self, app_ids: Collection[str]) -> Mapping[str, Sequence[Alias]]:
        by_app = defaultdict[str, list[Alias]](list)
        for _, alias in sorted(self._memory.aliases.items()):
            if alias.app_id in app_ids and alias.shown is not None:
                by_app[alias.app_id].append(alias)
        return by_app

    def pushers(
        self, app_ids: Collection[str], *, limit: int, until: datetime | None = None
    ) -> Mapping[tuple[str, str], str]:
        found = dict[tuple[str, str], str]()
        for app_id in app_ids:
            pushes = [it for it in self._memory.events if it.app_id == app_id and it.tag is Tag.BRANCH_PUSHED]
            known = [it for it in pushes if until is None or it.at <= until]
            found |= {(app_id, str(it.payload["after"])): it.actor for it in known[-limit:]}
        return found

    def names(self, owner_ids: Collection[str]) -> Mapping[str, str]:
        apps = {it.id: it.name for it in self._memory.apps.values()}
        workers = {it.id: it.name for it in self._memory.workers.values()}
        return {owner: name for owner, name in (apps | workers).items() if owner in owner_ids}
