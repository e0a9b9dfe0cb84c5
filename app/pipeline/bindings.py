"""Bindings: what a deployment's scripts find in `env`, put together at the moment of putting them up.

Nothing of it is kept: secrets are text only in what is returned.
"""

from typing import Any

from app.domain.apps import App
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment
from app.domain.variables import Variable
from app.ports import Transaction, Vault


def environment_bindings(
    tx: Transaction, app: App, deployment: Deployment, bundle: Bundle, vault: Vault
) -> list[dict[str, Any]]:
    """Return all bindings of a deployment's script, as Cloudflare takes them.

    The author's own come first; of two with one name the environment's counts, and what is ours counts most.
    A fork's code gets no secrets. Assets without code get nothing: nobody is there to read it.

    Raises:
        SecretUnreadable: a secret was encrypted with a key that is not there any more.
    """
    # https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/#bindings
    if bundle.main_module is None:
        return []
    found = {binding["name"]: dict(binding) for binding in bundle.bindings}
    for variable in tx.variables.of(app.id, deployment.environment):
        if not (variable.is_secret and deployment.is_from_fork):
            found[variable.name] = _binding(variable, vault)
    return list((found | {binding["name"]: binding for binding in _ours(deployment)}).values())


def _ours(deployment: Deployment) -> list[dict[str, Any]]:
    told = {
        "BRANCHLINE_COMMIT": deployment.commit,
        "BRANCHLINE_ENVIRONMENT": deployment.environment.value,
        "BRANCHLINE_DEPLOYMENT": deployment.id,
    }
    return [{"type": "plain_text", "name": name, "text": text} for name, text in told.items()]


def _binding(variable: Variable, vault: Vault) -> dict[str, Any]:
    if variable.is_secret:
        text = vault.open(variable.place, variable.value)
        return {"type": "secret_text", "name": variable.name, "text": text}
    return {"type": "plain_text", "name": variable.name, "text": variable.value}
