"""What is kept: namespaces, scripts and the immutable versions of a script. No disk, no network."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

Json = dict[str, Any]


def now() -> str:
    """Return the present time as Cloudflare writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Return an identifier that was never used: 32 hexadecimal digits."""
    return uuid4().hex


@dataclass(frozen=True)
class Namespace:
    """A dispatch namespace."""

    name: str
    id: str = field(default_factory=new_id)
    created_on: str = field(default_factory=now)
    trusted_workers: bool = False

    def described(self, script_count: int, user: str) -> Json:
        """Return what the API says of it."""
        return {
            "namespace_id": self.id,
            "namespace_name": self.name,
            "created_on": self.created_on,
            "created_by": user,
            "modified_on": self.created_on,
            "modified_by": user,
            "script_count": script_count,
            "trusted_workers": self.trusted_workers,
        }


@dataclass(frozen=True)
class Module:
    """One file of a script: its name in imports, its kind, and its file in the version's folder."""

    name: str
    type: str
    file: str


@dataclass(frozen=True)
class Version:
    """One upload of a script. Its id is new with every upload, even of the same code."""

    main_module: str | None
    modules: tuple[Module, ...]
    bindings: tuple[Json, ...]
    compatibility_date: str
    compatibility_flags: tuple[str, ...]
    assets: Json | None = None
    usage_model: str = "standard"
    observability: Json | None = None
    limits: Json = field(default_factory=dict)
    tag: str = ""
    id: str = field(default_factory=new_id)
    created_on: str = field(default_factory=now)

    @classmethod
    def from_json(cls, data: Json) -> "Version":
        """Read a version as `as_json` wrote it."""
        modules = tuple(Module(**module) for module in data.pop("modules"))
        bindings, flags = tuple(data.pop("bindings")), tuple(data.pop("compatibility_flags"))
        return cls(modules=modules, bindings=bindings, compatibility_flags=flags, **data)

    def as_json(self) -> Json:
        """Return what is written beside the modules; the runtime reads it too."""
        return asdict(self)

    @property
    def etag(self) -> str:
        """A digest of the version, as it appears in API answers."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def binding(self, name: str) -> Json | None:
        """Return the binding of this name, if there is one."""
        return next((binding for binding in self.bindings if binding["name"] == name), None)


@dataclass(frozen=True)
class Script:
    """A script's present state: which version is live, and what can change without a new one."""

    name: str
    namespace: str
    version: str
    etag: str
    previous: str | None = None
    handlers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    has_modules: bool = True
    has_assets: bool = False
    compatibility_date: str = ""
    usage_model: str = "standard"
    startup_time_ms: int = 0
    created_on: str = field(default_factory=now)
    modified_on: str = field(default_factory=now)

    @classmethod
    def from_json(cls, data: Json) -> "Script":
        """Read a script as `as_json` wrote it."""
        data["handlers"], data["tags"] = tuple(data["handlers"]), tuple(data["tags"])
        return cls(**data)

    def as_json(self) -> Json:
        """Return what is written to disk; the runtime reads `version` from it."""
        return asdict(self)

    def described(self) -> Json:
        """Return what the API says of it."""
        return {
            "id": self.name,
            "tag": self.version,
            "etag": self.etag,
            "deployment_id": self.version,
            "dispatch_namespace": self.namespace,
            "handlers": list(self.handlers),
            "tags": list(self.tags),
            "has_assets": self.has_assets,
            "has_modules": self.has_modules,
            "compatibility_date": self.compatibility_date,
            "usage_model": self.usage_model,
            "startup_time_ms": self.startup_time_ms,
            "logpush": False,
            "created_on": self.created_on,
            "modified_on": self.modified_on,
            "last_deployed_from": "api",
        }
