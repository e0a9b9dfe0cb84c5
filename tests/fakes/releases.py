"""The memory ports of what is live, over plain dicts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.aliases import Alias
from app.domain.approvals import Approval
from app.domain.bundles import KnownAsset
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.variables import Variable
from tests.fakes.memory import Memory


class FakeAliases:
    """`ports.Aliases`."""

    def __init__(self, memory: Memory) -> None:
        self._aliases = memory.aliases

    def get(self, script: str) -> Alias | None:
        return self._aliases.get(script)

    def save(self, alias: Alias) -> None:
        self._aliases[alias.script] = alias

    def of_app(self, app_id: str) -> Sequence[Alias]:
        found = (alias for alias in self._aliases.values() if alias.app_id == app_id)
        return sorted(found, key=lambda alias: alias.script)

    def expired(self, now: datetime, *, limit: int) -> Sequence[Alias]:
        over = [
            (alias.expires_at, alias.script, alias)
            for alias in self._aliases.values()
            if alias.expires_at is not None and alias.expires_at <= now and alias.expired_at is None
        ]
        return [alias for _, _, alias in sorted(over, key=lambda item: item[:2])][:limit]

    def forget(self, app_id: str) -> None:
        for alias in self.of_app(app_id):
            del self._aliases[alias.script]


class FakeOwnScripts:
    """`ports.OwnScripts`."""

    def __init__(self, memory: Memory) -> None:
        self._deployments = memory.deployments

    def by_name(self, script: str) -> Deployment | None:
        return next((it for it in self._deployments.values() if it.own_script == script), None)

    def standing(self, app_id: str, script: str) -> Sequence[Deployment]:
        found = (it for it in self._up() if (it.app_id, it.script) == (app_id, script))
        return sorted(found, key=lambda it: (it.order, it.id), reverse=True)

    def expired(self, now: datetime, *, limit: int) -> Sequence[Deployment]:
        over = [
            (it.expires_at, it.id, it)
            for it in self._up()
            if it.expires_at is not None and it.expires_at <= now
        ]
        return [it for _, _, it in sorted(over, key=lambda item: item[:2])][:limit]

    def renew(self, app_id: str, script: str, expires_at: datetime) -> None:
        for it in self.standing(app_id, script):
            if it.expires_at is not None:
                self._deployments[it.id] = replace(it, expires_at=expires_at)

    def _up(self) -> list[Deployment]:
        return [it for it in self._deployments.values() if it.uploaded_at and it.retired_at is None]


class FakeAssets:
    """`ports.Assets`."""

    def __init__(self, memory: Memory) -> None:
        self._assets = memory.assets

    def known(self, scope: str, names: Sequence[str]) -> Mapping[str, KnownAsset]:
        return {name: self._assets[scope, name] for name in names if (scope, name) in self._assets}

    def add(self, scope: str, assets: Mapping[str, KnownAsset]) -> None:
        for name, asset in assets.items():
            self._assets.setdefault((scope, name), asset)


class FakeTokens:
    """`ports.Tokens`."""

    def __init__(self, memory: Memory) -> None:
        self._tokens = memory.tokens

    def use(self, token_id: str, until: datetime) -> bool:
        if token_id in self._tokens:
            return False
        self._tokens[token_id] = until
        return True

    def forget(self, before: datetime) -> None:
        for token_id in [it for it, until in self._tokens.items() if until < before]:
            del self._tokens[token_id]


class FakeVariables:
    """`ports.Variables`."""

    def __init__(self, memory: Memory) -> None:
        self._variables = memory.variables

    def of(self, app_id: str, environment: Environment) -> Sequence[Variable]:
        keys = sorted(key for key in self._variables if key[:2] == (app_id, environment))
        return [self._variables[key] for key in keys]

    def save(self, variable: Variable) -> None:
        self._variables[variable.app_id, variable.environment, variable.name] = variable

    def remove(self, app_id: str, environment: Environment, name: str) -> bool:
        return self._variables.pop((app_id, environment, name), None) is not None

    def secrets(self, after: tuple[str, str, str] | None, *, limit: int) -> Sequence[Variable]:
        keys = sorted(key for key, it in self._variables.items() if it.is_secret)
        return [self._variables[key] for key in keys if after is None or key > after][:limit]

    def forget(self, app_id: str) -> None:
        for key in [key for key in self._variables if key[0] == app_id]:
            del self._variables[key]


class FakeApprovals:
    """`ports.Approvals`."""

    def __init__(self, memory: Memory) -> None:
        self._approvals = memory.approvals

    def get(self, app_id: str, pull_request: int, commit: str) -> Approval | None:
        return self._approvals.get((app_id, pull_request, commit))

    def add(self, approval: Approval) -> bool:
        key = (approval.app_id, approval.pull_request, approval.commit)
        if key in self._approvals:
            return False
        self._approvals[key] = approval
        return True
