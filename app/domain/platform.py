"""The platform that apps live on: its namespaces, its addresses and where its control plane answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.addresses import Addresses
from app.domain.apps import Heal
from app.domain.environments import Environment


class DeployAuth(StrEnum):
    """How a workflow run proves who it is."""

    OIDC = "oidc"  # by the code host's word, through our gateway
    HMAC = "hmac"  # by the app's key, through our gateway
    TOKEN = "token"  # noqa: S105 - by the app's key; it uploads by itself, with a credential of its repository


@dataclass(frozen=True, slots=True)
class Platform:
    """What an operator set once for all apps.

    `owner` is where repositories are made, `template` the full name of the one they start as. Forks' previews
    have a namespace of their own, `untrusted_namespace`, and previews end `preview_days` after the last push.
    Production and staging keep the own addresses of their last `kept_deployments`. `heal` is for apps that
    say nothing else.
    """

    url: str
    owner: str
    template: str
    namespaces: Mapping[Environment, str]
    addresses: Addresses
    deploy_auth: DeployAuth = DeployAuth.OIDC
    untrusted_namespace: str = "branchline-untrusted"
    preview_days: int = 7
    kept_deployments: int = 10
    cpu_ms: int | None = None
    heal: Heal = Heal.SAFE

    @property
    def has_gateway(self) -> bool:
        """Uploads pass through us: we keep their bundles and put them up ourselves."""
        return self.deploy_auth is not DeployAuth.TOKEN

    @property
    def all_namespaces(self) -> tuple[str, ...]:
        """Every namespace that holds scripts of ours."""
        return (*self.namespaces.values(), self.untrusted_namespace)

    def namespace_of(self, environment: Environment, *, is_from_fork: bool = False) -> str:
        """Return where scripts of an environment live, and those of forks."""
        return self.untrusted_namespace if is_from_fork else self.namespaces[environment]
