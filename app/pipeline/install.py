"""Install what makes an app's repository deploy: workflow, variable, webhook, environments, secrets if any.

The files are the same bytes in every app; what differs is in the variable. Where GitHub vouches for a run
there is no secret; no credential of the platform is put into a repository unless the operator says so.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from app.domain.environments import DEFAULT_BRANCHES, Environment
from app.domain.platform import DeployAuth
from app.ports import DeployAccess, File, RepositorySettings, Steps

# Where each file of `actions_templates/` goes in an app's repository.
PLACES: Final[Mapping[str, str]] = {
    "deploy.yml": ".github/workflows/deploy.yml",
    "deploy.mjs": ".github/branchline/deploy.mjs",
    "record.mjs": ".github/branchline/record.mjs",
}
WEBHOOK_EVENTS: Final = (
    "push",
    "pull_request",
    "issue_comment",
    "workflow_run",
    "deployment_status",
    "repository",
)


def workflow_files(templates: Mapping[str, bytes]) -> list[File]:
    """Return the workflow and its scripts at their places; `templates` are the bytes by file name."""
    return [File(place, templates[name]) for name, place in PLACES.items()]


def deploy_secret(secret_key: str, app_id: str) -> str:
    """Return the key with which an app's workflow signs, in the form of Standard Webhooks.

    It is derived and not stored: the same for the same app as long as `secret_key` stays.
    """
    key = hmac.new(secret_key.encode(), f"branchline/deploy-secret/v1/{app_id}".encode(), hashlib.sha256)
    return "whsec_" + base64.b64encode(key.digest()).decode()


def secrets_for(deploy_auth: DeployAuth, deploy_secret: str, access: DeployAccess) -> Mapping[str, str]:
    """Return the secrets that a run needs to prove who it is, and to upload by itself where it does."""
    match deploy_auth:
        case DeployAuth.OIDC:
            return {}
        case DeployAuth.HMAC:
            return {"BRANCHLINE_SECRET": deploy_secret}
        case DeployAuth.TOKEN:
            return {"BRANCHLINE_SECRET": deploy_secret, "CLOUDFLARE_API_TOKEN": access.api_token}


def install(
    full_name: str,
    steps: Steps,
    settings: RepositorySettings,
    *,
    control_plane_url: str,
    secrets: Mapping[str, str],
    webhook_secret: str | None,
    branches: Mapping[str, Environment],
) -> None:
    """Put variable, secrets, webhook and environments into a repository, each in a step of its own.

    Five writes and one for each secret; one less when a GitHub App delivers and `webhook_secret` is None; one
    more when the app maps other branches than the workflow takes for granted.
    """
    for environment in Environment:
        create = partial(settings.ensure_environment, full_name, environment)
        steps.run(f"create environment {environment}", create)
    steps.run("set variable", lambda: settings.set_variable(full_name, "BRANCHLINE_URL", control_plane_url))
    if lasting(branches) != lasting(DEFAULT_BRANCHES):
        told = json.dumps(lasting(branches), sort_keys=True)
        set_environments = partial(settings.set_variable, full_name, "BRANCHLINE_ENVIRONMENTS", told)
        steps.run("set environments", set_environments)
    for name, value in secrets.items():
        steps.run(f"set secret {name}", partial(settings.set_secret, full_name, name, value))
    if webhook_secret is not None:
        url = f"{control_plane_url}/webhooks/github"
        steps.run(
            "create webhook",
            lambda: settings.ensure_webhook(full_name, url, webhook_secret, WEBHOOK_EVENTS),
        )


def lasting(branches: Mapping[str, Environment]) -> Mapping[str, Environment]:
    """Return the branches that lead to an environment which stays; the workflow never cancels their runs."""
    return {name: it for name, it in branches.items() if it is not Environment.PREVIEW}
