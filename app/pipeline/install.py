"""Install what makes an app's repository deploy: workflow, variable, secret, webhook, environments.

The two files are the same bytes in every app; what differs is in the variable and the secret. No credential
of the platform is put into a repository.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from app.domain.environments import DEFAULT_BRANCHES, Environment
from app.ports import File, RepositorySettings, Steps

# Where each file of `actions_templates/` goes in an app's repository.
PLACES: Final[Mapping[str, str]] = {
    "deploy.yml": ".github/workflows/deploy.yml",
    "deploy.mjs": ".github/branchline/deploy.mjs",
}
WEBHOOK_EVENTS: Final = ("push", "pull_request", "workflow_run", "deployment_status", "repository")


def workflow_files(templates: Mapping[str, bytes]) -> list[File]:
    """Return the workflow and its script at their places; `templates` are the bytes by file name."""
    return [File(place, templates[name]) for name, place in PLACES.items()]


def deploy_secret(secret_key: str, app_id: str) -> str:
    """Return the key with which an app's workflow signs, in the form of Standard Webhooks.

    It is derived and not stored: the same for the same app as long as `secret_key` stays.
    """
    key = hmac.new(secret_key.encode(), f"branchline/deploy-secret/v1/{app_id}".encode(), hashlib.sha256)
    return "whsec_" + base64.b64encode(key.digest()).decode()


def install(
    full_name: str,
    steps: Steps,
    settings: RepositorySettings,
    *,
    control_plane_url: str,
    secret: str,
    webhook_secret: str | None,
    branches: Mapping[str, Environment],
) -> None:
    """Put variable, secret, webhook and environments into a repository, each in a step of its own.

    Six writes; five when a GitHub App delivers and `webhook_secret` is None; one more when the app maps other
    branches than the workflow takes for granted.
    """
    for environment in Environment:
        create = partial(settings.ensure_environment, full_name, environment)
        steps.run(f"create environment {environment}", create)
    steps.run("set variable", lambda: settings.set_variable(full_name, "BRANCHLINE_URL", control_plane_url))
    if lasting(branches) != lasting(DEFAULT_BRANCHES):
        spared = json.dumps(lasting(branches))
        steps.run("set branches", lambda: settings.set_variable(full_name, "BRANCHLINE_BRANCHES", spared))
    steps.run("set secret", lambda: settings.set_secret(full_name, "BRANCHLINE_SECRET", secret))
    if webhook_secret is not None:
        url = f"{control_plane_url}/webhooks/github"
        steps.run(
            "create webhook",
            lambda: settings.ensure_webhook(full_name, url, webhook_secret, WEBHOOK_EVENTS),
        )


def lasting(branches: Mapping[str, Environment]) -> list[str]:
    """Return the branches whose runs the workflow never cancels, sorted."""
    return sorted(name for name, environment in branches.items() if environment is not Environment.PREVIEW)
