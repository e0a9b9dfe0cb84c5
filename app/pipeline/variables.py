"""Variables: what an environment adds to the scripts that are put up in it."""

from collections.abc import Mapping
from typing import Any

from app.domain.apps import App
from app.domain.bundles import Bundle
from app.domain.deployments import Deployment
from app.domain.variables import Variable
from app.ports import Transaction, Vault


def environment_bindings(
    tx: Transaction, app: App, deployment: Deployment, bundle: Bundle, vault: Vault
) -> list[Mapping[str, Any]]:
    """Return all bindings of a deployment's scripts: the author's own, then the environment's, then ours.

    Of two with one name the later counts. A fork's code gets no secret.
    """
    found = {str(binding["name"]): dict(binding) for binding in bundle.bindings}
    for variable in tx.variables.of(app.id, deployment.environment):
        if not (variable.is_secret and deployment.is_from_fork):
            found[variable.name] = _binding(variable, vault)
    ours = {
        "BRANCHLINE_COMMIT": deployment.commit,
        "BRANCHLINE_ENVIRONMENT": deployment.environment.value,
        "BRANCHLINE_DEPLOYMENT": deployment.id,
    }
    for name, text in ours.items():
        found[name] = {"type": "plain_text", "name": name, "text": text}
    return list(found.values())


def _binding(variable: Variable, vault: Vault) -> dict[str, Any]:
    if not variable.is_secret:
        return {"type": "plain_text", "name": variable.name, "text": variable.value}
    text = vault.open(place_of(variable), variable.value)
    return {"type": "secret_text", "name": variable.name, "text": text}


def place_of(variable: Variable) -> str:
    """Return the place that a secret is sealed for."""
    return f"{variable.app_id}/{variable.environment}/{variable.name}"
