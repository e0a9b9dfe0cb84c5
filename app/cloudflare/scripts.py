"""Scripts in Cloudflare's dispatch namespaces."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from app.cloudflare.client import Cloudflare
from app.cloudflare.uploads import AssetUploads, script_form
from app.errors import Broken, RemoteMissing, RemoteRefused, RemoteUnavailable, ScriptRefused
from app.ports import Bundles, DeployAccess, ScriptPage, SeenScript, Upload
from app.settings import CloudflareSettings

# "This Worker does not exist", of the account and of a dispatch namespace.
_SCRIPT_ABSENT: Final = frozenset({10007, 10092})
# Not well-formed, too large, of an unsupported type, or not acceptable; the codes say which.
_AUTHORS_FAULT: Final = frozenset({400, 413, 415, 422})
_AS_WRANGLER: Final = {"excludeScript": "true", "bindings_inherit": "strict"}
_NO_TAG: Final = re.compile(r"[,&\s]")
_PAGE: Final = 1000
_NAMESPACES: Final = "workers/dispatch/namespaces"


class CloudflareScripts:
    """Port `Scripts`."""

    # https://developers.cloudflare.com/api/resources/workers_for_platforms/
    def __init__(self, cloudflare: Cloudflare, settings: CloudflareSettings, bundles: Bundles) -> None:
        self._cloudflare = cloudflare
        self._settings = settings
        self._bundles = bundles

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

    def delete_tagged(self, namespace: str, tag: str) -> None:
        """Delete every script of the namespace that carries `tag`, in one call.

        Raises:
            RemoteMissing: there is no such namespace.
        """
        # https://developers.cloudflare.com/cloudflare-for-platforms/workers-for-platforms/configuration/tags/
        doing = f"deleting the scripts tagged {tag} in {namespace}"
        path = f"{_namespace(namespace)}/scripts"
        self._cloudflare.request("DELETE", path, doing=doing, query={"tags": f"{_checked(tag)}:yes"})

    def listing(self, namespace: str, cursor: str | None = None, *, tag: str | None = None) -> ScriptPage:
        """Return a page of its scripts, all or those that carry `tag`, in one call.

        Raises:
            RemoteMissing: there is no such namespace.
            RemoteUnavailable: what was answered is no such page.
        """
        # https://developers.cloudflare.com/cloudflare-for-platforms/workers-for-platforms/configuration/tags/
        doing = f"listing the scripts in {namespace}"
        asked = {"limit": str(_PAGE), "cursor": cursor or "", "tags": f"{_checked(tag)}:yes" if tag else ""}
        query = {name: value for name, value in asked.items() if value}
        path = f"{_namespace(namespace)}/scripts"
        result, next_cursor = self._cloudflare.page(path, doing=doing, query=query)
        return ScriptPage([_seen(entry, doing) for entry in result], next_cursor)

    def put(self, namespace: str, script: str, upload: Upload) -> str | None:
        """Put a script up, new or not; when this returns it answers with the new code.

        Raises:
            ScriptRefused: with Cloudflare's own words and codes; what was live before stays.
            RemoteMissing: there is no such namespace.
            NotFound, RemoteRefused: the bundle store lacks a module or an asset, or it is damaged there.
        """
        doing = f"putting {script} up in {namespace}"
        path = _script(namespace, script)
        try:
            token = self._assets_token(path, upload, doing)
            form = script_form(upload, token, self._bundles)
            answer = self._cloudflare.send("PUT", path, form, doing=doing, query=_AS_WRANGLER)
        except RemoteRefused as error:
            if type(error) is RemoteRefused and error.details.get("status") in _AUTHORS_FAULT:
                raise ScriptRefused(error.message, **error.details) from error
            raise
        return _text(answer.get("etag")) if isinstance(answer, dict) else None

    def _assets_token(self, path: str, upload: Upload, doing: str) -> str | None:
        if not upload.bundle.assets:
            return None
        return AssetUploads(self._cloudflare, self._bundles, doing).upload(path, upload)

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


def _checked(tag: str) -> str:
    if not tag or _NO_TAG.search(tag):  # Defensive: it would be read as another filter.
        raise Broken(f"choosing scripts by {tag!r}: that is no tag")
    return tag


def _seen(entry: Any, doing: str) -> SeenScript:
    """Read an entry of a list; only its name has to be there."""
    name = _text(entry.get("id")) if isinstance(entry, dict) else None
    if name is None:
        raise RemoteUnavailable(f"{doing}: Cloudflare listed something without a name")
    tags = entry.get("tags")
    return SeenScript(
        name=name,
        tags=[str(tag) for tag in tags] if isinstance(tags, list) else None,
        etag=_text(entry.get("etag")),
        modified_at=_time(entry.get("modified_on")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)


def _namespace(namespace: str) -> str:
    return f"{_NAMESPACES}/{quote(namespace, safe='')}"


def _script(namespace: str, script: str) -> str:
    return f"{_namespace(namespace)}/scripts/{quote(script, safe='')}"


def _is_script_absent(error: RemoteMissing) -> bool:
    return not _SCRIPT_ABSENT.isdisjoint(error.details["codes"])
