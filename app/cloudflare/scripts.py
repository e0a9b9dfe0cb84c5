"""Scripts in Cloudflare's dispatch namespaces.

Uploading is not done here: a workflow run deploys with wrangler and what `access` tells it.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from app.cloudflare.client import Cloudflare
from app.errors import RemoteMissing, RemoteRefused
from app.ports import DeployAccess
from app.settings import CloudflareSettings

# "This Worker does not exist", of the account and of a dispatch namespace.
_SCRIPT_ABSENT: Final = frozenset({10007, 10092})
_NAMESPACES: Final = "workers/dispatch/namespaces"


class CloudflareScripts:
    """Port `Scripts`."""

    # https://developers.cloudflare.com/api/resources/workers_for_platforms/
    def __init__(self, cloudflare: Cloudflare, settings: CloudflareSettings) -> None:
        self._cloudflare = cloudflare
        self._settings = settings

    def ensure_namespace(self, namespace: str) -> None:
        """Create the namespace if it is not there; who comes second finds it there."""
        if self._has_namespace(namespace):
            return
        try:
            doing = f"creating namespace {namespace}"
            self._cloudflare.request("POST", _NAMESPACES, doing=doing, body={"name": namespace})
        except RemoteRefused:
            if not self._has_namespace(namespace):
                raise

    def tags(self, namespace: str, script: str) -> Sequence[str] | None:
        """Return the tags of a script; None when there is no such script.

        Raises:
            RemoteMissing: there is no such namespace.
        """
        doing = f"reading the tags of {script} in {namespace}"
        try:
            return self._cloudflare.request("GET", f"{_script(namespace, script)}/tags", doing=doing) or []
        except RemoteMissing as error:
            if _is_script_absent(error):
                return None
            raise

    def delete(self, namespace: str, script: str) -> bool:
        """Delete a script, whatever is bound to it; False when it was gone already.

        Raises:
            RemoteMissing: there is no such namespace.
        """
        doing = f"deleting {script} in {namespace}"
        try:
            self._cloudflare.request(
                "DELETE", _script(namespace, script), doing=doing, query={"force": "true"}
            )
        except RemoteMissing as error:
            if _is_script_absent(error):
                return False
            raise
        return True

    def access(self) -> DeployAccess:
        """Return what a run deploys with: the token is the one we have."""
        settings = self._settings
        return DeployAccess(settings.api_url, settings.account_id, settings.api_token.reveal())

    def _has_namespace(self, namespace: str) -> bool:
        try:
            self._cloudflare.request("GET", _namespace(namespace), doing=f"finding namespace {namespace}")
        except RemoteMissing:
            return False
        return True


def _namespace(namespace: str) -> str:
    return f"{_NAMESPACES}/{quote(namespace, safe='')}"


def _script(namespace: str, script: str) -> str:
    return f"{_namespace(namespace)}/scripts/{quote(script, safe='')}"


def _is_script_absent(error: RemoteMissing) -> bool:
    return not _SCRIPT_ABSENT.isdisjoint(error.details["codes"])
