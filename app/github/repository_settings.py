"""What a workflow finds in its repository on GitHub: variables, secrets, a webhook, environments.

Each method looks before it writes: GitHub counts writes, and a write over what is there could undo what a
person set up.
"""

from collections.abc import Sequence
from typing import Any

from github.Hook import Hook

from app.errors import RemoteMissing
from app.github.client import GitHub, path


class GitHubRepositorySettings:
    """Port `RepositorySettings`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def set_variable(self, full_name: str, name: str, value: str) -> None:
        """Set an Actions variable."""
        # https://docs.github.com/en/rest/actions/variables
        variables = path("repos", full_name, "actions/variables")
        doing = f"setting variable {name} in {full_name}"
        with self._github.doing(doing):
            known = self._find(f"{variables}/{name}", doing)
            if known is None:
                self._github.request("POST", variables, {"name": name, "value": value})
            elif known["value"] != value:
                self._github.request("PATCH", f"{variables}/{name}", {"name": name, "value": value})

    def set_secret(self, full_name: str, name: str, value: str) -> None:
        """Set an Actions secret, sealed with the repository's public key."""
        # https://docs.github.com/en/rest/guides/encrypting-secrets-for-the-rest-api
        with self._github.doing(f"setting secret {name} in {full_name}"):
            self._github.repository(full_name).create_secret(name, value)

    def ensure_webhook(self, full_name: str, url: str, secret: str, events: Sequence[str]) -> None:
        """Have deliveries of `events` sent to `url`; a webhook with that address is mended, not made twice.

        GitHub never tells a webhook's secret, so one that is right otherwise keeps the secret it has.
        """
        # https://docs.github.com/en/rest/repos/webhooks
        config = {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
        with self._github.doing(f"setting up the webhook of {full_name}"):
            repository = self._github.repository(full_name)
            hook = next((hook for hook in repository.get_hooks() if hook.config.get("url") == url), None)
            if hook is None:
                repository.create_hook("web", config, list(events), active=True)
            elif not _is_right(hook, events):
                change = {"config": config, "events": list(events), "active": True}
                self._github.request("PATCH", path("repos", full_name, "hooks", hook.id), change)

    def ensure_environment(self, full_name: str, name: str) -> None:
        """Create the environment if it is not there; the rules of one that is there stay."""
        # https://docs.github.com/en/rest/deployments/environments
        environment = path("repos", full_name, "environments", name)
        doing = f"creating environment {name} in {full_name}"
        with self._github.doing(doing):
            if self._find(environment, doing) is None:
                self._github.request("PUT", environment)

    def _find(self, resource: str, doing: str) -> Any:
        try:
            with self._github.doing(doing):
                return self._github.request("GET", resource)
        except RemoteMissing:
            return None


def _is_right(hook: Hook, events: Sequence[str]) -> bool:
    return hook.active and set(hook.events) == set(events) and hook.config.get("content_type") == "json"
