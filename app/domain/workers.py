"""Workers: a few functions and the address where they are called, without a repository.

Each time that code is put up it becomes a version, which has an address of its own that never shows anything
else. The worker's own address shows the version that went up last. What the code says, and how it is
compiled, is not known here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from app.domain.deployments import app_tag
from app.domain.environments import Environment
from app.domain.names import script_name
from app.errors import InvalidInput, Unprocessable

# Whoever puts a worker's scripts up has it for itself this long: longer than the calls for it may take.
LEASE: Final = timedelta(minutes=2)
# The secret that callers bear, as the worker finds it in `env`.
INVOKE_KEY: Final = "INVOKE_KEY"
MAXIMUM_FUNCTIONS: Final = 200
_MAXIMUM_FUNCTION_NAME: Final = 100
_MAXIMUM_ORIGINS: Final = 100
# As browsers send it; only names of other scripts are spelled in another way there.
_ORIGIN: Final = re.compile(r"\*|https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
_MAXIMUM_TIMEOUT_MS: Final = 300_000
_MAXIMUM_PAYLOAD_BYTES: Final = 10 * 1024 * 1024


class WorkerStatus(StrEnum):
    """How a worker stands."""

    CREATING = "creating"
    READY = "ready"
    ERROR = "error"  # nothing of it ever went up
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Options:
    """What a version's runtime is told; with `has_invoke_key` it answers only to who bears that key."""

    cors_origins: tuple[str, ...] = ()
    timeout_ms: int = 30_000
    max_payload_bytes: int = 1024 * 1024
    has_invoke_key: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "corsOrigins": list(self.cors_origins),
            "timeoutMs": self.timeout_ms,
            "maxPayloadBytes": self.max_payload_bytes,
            "invokeKey": self.has_invoke_key,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Options":
        """Read what `to_json` returned."""
        return cls(
            cors_origins=tuple(told["corsOrigins"]),
            timeout_ms=told["timeoutMs"],
            max_payload_bytes=told["maxPayloadBytes"],
            has_invoke_key=told["invokeKey"],
        )


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a worker's code, put up at `uploaded_at`.

    `bundle` is the digest of what was put up, `source` that of the author's files. `functions` are the names
    that can be called. Its own script shows it for good, until it was taken down at `retired_at`.
    """

    id: str
    worker_id: str
    number: int
    bundle: str
    source: str
    own_script: str
    created_at: datetime
    actor: str
    options: Options = Options()
    functions: tuple[str, ...] = ()
    uploaded_at: datetime | None = None
    retired_at: datetime | None = None

    @property
    def has_own_address(self) -> bool:
        """Its own script is up: nothing else than this version answers there."""
        return self.uploaded_at is not None and self.retired_at is None


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker. `version_id` is what its address shows; `newest` counts the versions that were begun.

    It expires at `expires_at` unless it is kept, and did at `expired_at`. `is_settled` is False while what
    its address shows is in doubt. `holder` is putting its scripts up until `held_until`. `error` says why
    nothing of it ever went up. `owner_id` is the person whose it is; None is the operator's.
    """

    id: str
    slug: str
    name: str
    environment: Environment
    namespace: str
    actor: str
    created_at: datetime
    updated_at: datetime
    version_id: str | None = None
    newest: int = 0
    is_kept: bool = False
    is_settled: bool = True
    expires_at: datetime | None = None
    expired_at: datetime | None = None
    error: str | None = None
    holder: str | None = None
    held_until: datetime | None = None
    owner_id: str | None = None

    @property
    def script(self) -> str:
        """The script at its address, whichever version that shows."""
        return script_name(self.slug, self.environment)

    @property
    def status(self) -> WorkerStatus:
        """How it stands."""
        if self.expired_at is not None:
            return WorkerStatus.EXPIRED
        if self.version_id is not None:
            return WorkerStatus.READY
        return WorkerStatus.CREATING if self.error is None else WorkerStatus.ERROR

    def is_held(self, by: str, at: datetime) -> bool:
        """Tell whether somebody other than `by` is putting its scripts up at this moment."""
        return self.holder not in {None, by} and self.held_until is not None and at < self.held_until

    def held(self, by: str, at: datetime) -> "Worker":
        """Return it held; what its address shows is in doubt from now on."""
        return replace(self, holder=by, held_until=at + LEASE, is_settled=False)

    def freed(self) -> "Worker":
        """Return it held by nobody."""
        return replace(self, holder=None, held_until=None)


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a function of a worker was called, how many of that failed, and when the last one was."""

    invocations: int
    failures: int
    last_invoked_at: datetime

    def plus(self, more: "Calls") -> "Calls":
        """Return both together."""
        return Calls(
            self.invocations + more.invocations,
            self.failures + more.failures,
            max(self.last_invoked_at, more.last_invoked_at),
        )


def worker_tag(slug: str) -> str:
    """Return the tag of all scripts of a worker."""
    return f"worker-{slug}"


def worker_tags(worker: Worker, version: Version, script: str) -> list[str]:
    """Return the tags of one of a version's scripts, by which it is found and proven ours."""
    found = [
        app_tag(worker.slug),
        f"env-{worker.environment}",
        f"deployment-{version.id}",
        worker_tag(worker.slug),
    ]
    return [*found, f"own-{worker.slug}"] if script == version.own_script else found


def check_options(options: Options) -> Options:
    """Return options that a runtime can be told.

    Raises:
        InvalidInput: a number is out of its bounds, or there are too many origins.
    """
    if not 1 <= options.timeout_ms <= _MAXIMUM_TIMEOUT_MS:
        raise _invalid_options(f"timeoutMs has to be 1 to {_MAXIMUM_TIMEOUT_MS}")
    if not 1 <= options.max_payload_bytes <= _MAXIMUM_PAYLOAD_BYTES:
        raise _invalid_options(f"maxPayloadBytes has to be 1 to {_MAXIMUM_PAYLOAD_BYTES}")
    if len(options.cors_origins) > _MAXIMUM_ORIGINS:
        raise _invalid_options(f"corsOrigins has more than {_MAXIMUM_ORIGINS} origins")
    for origin in options.cors_origins:
        if not _ORIGIN.fullmatch(origin):
            raise _invalid_options(f"{origin[:80]!r} is no origin such as https://shop.example, nor *")
    return options


def check_function_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that a module exports when each can stand in an address.

    Raises:
        Unprocessable: one cannot, there are too many, or there is none at all.
    """
    if not names:
        raise Unprocessable(
            "looking for functions: the module exports none; export a function, as in "
            "export function hello() {}",
            code="worker:no-functions",
        )
    if len(names) > MAXIMUM_FUNCTIONS:
        raise Unprocessable(
            f"looking for functions: {len(names)} are more than {MAXIMUM_FUNCTIONS}",
            code="worker:too-many-functions",
        )
    for name in names:
        if not is_function_name(name):
            raise Unprocessable(
                f"looking for functions: {name[:60]!r} cannot be called over HTTP; export it under a name of "
                f"letters, digits, _ and $, at most {_MAXIMUM_FUNCTION_NAME}",
                code="worker:invalid-export",
                name=name[:60],
            )
    return names


def is_function_name(name: str) -> bool:
    """Tell whether a function of this name can be called: it is an identifier, of letters of any script."""
    return len(name) <= _MAXIMUM_FUNCTION_NAME and name.replace("$", "_").isidentifier()


def _invalid_options(problem: str) -> InvalidInput:
    return InvalidInput(f"reading the options: {problem}", code="worker:invalid-options")
