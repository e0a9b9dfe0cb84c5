"""Where scripts live, and the store of the bytes that they are made of."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, Protocol

from app.domain.bundles import Bundle


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request to a script may use; None is the platform's own limit."""

    cpu_ms: int | None = None
    subrequests: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A bundle and what the environment adds to it: all that a script is made of.

    `bindings` are all of them, the bundle's own included; `scope` salts the names of its assets. Bindings may
    hold secrets, so an upload does not show them.
    """

    bundle: Bundle
    bindings: Sequence[Mapping[str, Any]] = field(repr=False)
    tags: Sequence[str]
    scope: str
    limits: Limits = Limits()


class Bundles(Protocol):
    """The bundle store: bytes by their SHA-256, in a directory or a bucket. Each call may be repeated."""

    def write(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep bytes as they come, never whole in memory; return their SHA-256 and their number."""

    def open(self, sha256: str) -> IO[bytes]:
        """Open kept bytes for reading. Raises NotFound."""

    def has(self, sha256: str) -> bool:
        """Tell whether they are kept."""

    def save(self, bundle: Bundle) -> str:
        """Keep a bundle's description and return its digest; its modules and assets are kept already."""

    def load(self, digest: str) -> Bundle:
        """Return a bundle. Raises NotFound."""

    def prune(self, wanted: Callable[[str], bool], older_than: datetime) -> int:
        """Delete what was kept before `older_than` and is not `wanted`; return how many were deleted."""


@dataclass(frozen=True, slots=True)
class DeployAccess:
    """What a workflow run needs to upload its script; it does not show its token.

    `api_token` is empty for a run that has a credential of its own; else it ends at `expires_at`, or never.
    """

    api_base_url: str
    account_id: str
    api_token: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SeenScript:
    """A script as its platform lists it; what the platform does not say is None."""

    name: str
    tags: Sequence[str] | None
    etag: str | None
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class ScriptPage:
    """A page of scripts, in no order; `next_cursor` is opaque and None on the last page."""

    scripts: Sequence[SeenScript]
    next_cursor: str | None


class Scripts(Protocol):
    """Scripts in dispatch namespaces."""

    def ensure_namespace(self, namespace: str) -> None:
        """Create the namespace if it is not there."""

    def tags(self, namespace: str, script: str) -> Sequence[str] | None:
        """Return the tags of a script; None when there is no such script."""

    def delete(self, namespace: str, script: str) -> bool:
        """Delete a script; False when it was gone already."""

    def delete_tagged(self, namespace: str, tag: str) -> None:
        """Delete every script of the namespace that carries `tag`, in one call."""

    def listing(self, namespace: str, cursor: str | None = None, *, tag: str | None = None) -> ScriptPage:
        """Return a page of up to 1,000 of its scripts, all or those that carry `tag`, in one call.

        A script that goes up or down between two pages may be in both of them, or in none.

        Raises:
            RemoteMissing: there is no such namespace.
            RemoteUnavailable: what was answered is no such page.
        """

    def put(self, namespace: str, script: str, upload: Upload) -> str | None:
        """Put a script up, new or not; when this returns it answers with the new code. May be repeated.

        Its assets that the platform does not have are uploaded first. Returns what the platform calls its
        bytes from now on, as `listing` tells it; None when it does not say.

        Raises:
            ScriptRefused: the platform does not take it: it does not start, or it is too large.
            RemoteUnavailable: no answer: the script is the old one or the new one, whole.
        """

    def access(self) -> DeployAccess:
        """Return what a run deploys with."""
