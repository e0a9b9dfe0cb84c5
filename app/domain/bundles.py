"""Bundles: everything that one deployment put up, so that its exact bytes can be put up again.

A bundle is a value: modules and assets are named by the SHA-256 of their bytes, which lie in the bundle
store, and the bundle's own `digest` is that of its description. Variables, secrets and tags are not in it:
they belong to the environment that a bundle is put up in, not to the bytes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Module:
    """One module: `name` as it is imported, `content_type` as it was uploaded, `sha256` of its bytes."""

    name: str
    content_type: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file: `path` starts with a slash; a `content_type` of None lets the platform decide."""

    path: str
    sha256: str
    size_bytes: int
    content_type: str | None = None

    def upload_hash(self, scope: str) -> str:
        """Return the name under which the platform keeps it: 32 hex digits.

        The platform shares assets within a namespace by this name, so it is salted with `scope`: nobody can
        name, or prepare, the asset of an app that is not theirs.
        """
        # https://developers.cloudflare.com/workers/static-assets/direct-upload/
        salted = "\0".join((scope, self.sha256, self.content_type or ""))
        return hashlib.sha256(salted.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class KnownAsset:
    """The bytes behind a name that a client gave an asset."""

    sha256: str
    size_bytes: int
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is put up: `main_module` is None for assets alone; `bindings` are the author's own, checked.

    `assets_config` is the platform's `assets.config` (not_found_handling, run_worker_first, …), None when the
    bundle has no assets.
    """

    main_module: str | None
    modules: Sequence[Module]
    compatibility_date: str
    compatibility_flags: Sequence[str] = ()
    bindings: Sequence[Mapping[str, Any]] = ()
    assets: Sequence[Asset] = ()
    assets_config: Mapping[str, Any] | None = None

    def to_json(self) -> bytes:
        """Return its description, the same bytes for the same bundle."""
        # Bindings may be nested as deeply as JSON is read: they are not copied.
        ordered = {it.name: getattr(self, it.name) for it in fields(self)} | {
            "modules": [asdict(module) for module in sorted(self.modules, key=lambda it: it.name)],
            "assets": [asdict(asset) for asset in sorted(self.assets, key=lambda it: it.path)],
        }
        return json.dumps(ordered, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Bundle":
        """Read what `to_json` wrote."""
        told = json.loads(text)
        return cls(
            **told
            | {
                "modules": tuple(Module(**module) for module in told["modules"]),
                "assets": tuple(Asset(**asset) for asset in told["assets"]),
                "compatibility_flags": tuple(told["compatibility_flags"]),
                "bindings": tuple(told["bindings"]),
            }
        )

    @property
    def digest(self) -> str:
        """The SHA-256 of its description, by which it is kept."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """All modules and assets together."""
        return sum(it.size_bytes for it in self.modules) + sum(it.size_bytes for it in self.assets)
