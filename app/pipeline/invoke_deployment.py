"""Call functions of an app, as one of its deployments has them, at that deployment's own address.

What a function may take, and for how long, is in the app's repository and not known here: the defaults of the
runtime are taken for it. Such calls are not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.deployments import Deployment
from app.domain.workers import INVOKE_KEY, Options
from app.errors import Conflict, Gone
from app.ports import Call, Endpoints, Transaction, Vault

DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class DeployedCallee:
    """A deployment that answers at `script`, and the key that its functions may ask for."""

    deployment: Deployment
    script: str
    key: str | None = field(repr=False)

    def call(self, function: str, payload: bytes, headers: Mapping[str, str]) -> Call:
        """Return a call of one of its functions."""
        return Call(
            script=self.script,
            function=function,
            payload=payload,
            timeout_seconds=DEFAULTS.timeout_ms / 1000,
            headers=headers,
            key=self.key,
        )


def deployed_callee(tx: Transaction, deployment_id: str, vault: Vault) -> DeployedCallee:
    """Return a deployment as its functions can be called now.

    Raises:
        NotFound: there is none.
        Gone: its address was taken down.
        Conflict: nothing of it is up yet, or never will be.
    """
    deployment = tx.deployments.get(deployment_id)
    if deployment.retired_at is not None:
        raise Gone(
            f"invoking a function of deployment {deployment.id}: it was taken down; restore it first",
            code="deployment:retired",
        )
    if deployment.own_script is None or not deployment.has_own_address:
        raise Conflict(
            f"invoking a function of deployment {deployment.id}: nothing of it is up",
            code="deployment:not-ready",
        )
    return DeployedCallee(deployment, deployment.own_script, _key(tx, deployment, vault))


def functions_of(called: DeployedCallee, endpoints: Endpoints) -> Sequence[str]:
    """Return the functions that can be called there. Raises RemoteUnavailable when it does not list any."""
    return endpoints.functions(called.script, called.key, patiently=False)


def _key(tx: Transaction, deployment: Deployment, vault: Vault) -> str | None:
    """Return the secret by which the app guards its functions; code of strangers is told none."""
    if deployment.is_from_fork:
        return None
    for variable in tx.variables.of(deployment.app_id, deployment.environment):
        if variable.name == INVOKE_KEY:
            return vault.open(variable.place, variable.value) if variable.is_secret else variable.value
    return None
