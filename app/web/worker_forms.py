"""What the API takes about workers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from app.domain.environments import Environment
from app.domain.sources import Source
from app.domain.workers import Options
from app.pipeline.add_function import NewFunction
from app.pipeline.workers_app import AppWish
from app.pipeline.workers_sources import SINGLE

_Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_Count = Annotated[int, Field(strict=True)]
# More than are taken, so that it is the pipeline that says how many are.
_MOST_FILES = 10_000


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class WorkerPath(_Form):
    """`worker` is a worker's id, slug or name."""

    worker: _Key


class SourceIn(_Form):
    """One file of the author's."""

    path: str
    content: str


class OptionsIn(_Form):
    """What the runtime is told; what is not named stays as it was."""

    cors_origins: list[str] | None = None
    timeout_ms: _Count | None = None
    max_payload_bytes: _Count | None = None
    invoke_key: Annotated[bool, Field(strict=True)] | None = None

    def applied_to(self, known: Options) -> Options:
        """Return options with what is named here."""
        return replace(
            known,
            cors_origins=known.cors_origins if self.cors_origins is None else tuple(self.cors_origins),
            timeout_ms=known.timeout_ms if self.timeout_ms is None else self.timeout_ms,
            max_payload_bytes=(
                known.max_payload_bytes if self.max_payload_bytes is None else self.max_payload_bytes
            ),
            has_invoke_key=known.has_invoke_key if self.invoke_key is None else self.invoke_key,
        )


class VersionIn(_Form):
    """A worker's code: one module as text, or several files."""

    code: str | None = None
    files: Annotated[list[SourceIn], Field(min_length=1, max_length=_MOST_FILES)] | None = None
    options: OptionsIn = OptionsIn()

    @model_validator(mode="after")
    def _check_code(self) -> Self:
        if (self.code is None) == (self.files is None):
            raise ValueError("give either code or files")
        return self

    def sources(self) -> Sequence[Source]:
        """Return the author's files."""
        if self.code is not None:
            return [Source(SINGLE, self.code)]
        return [Source(file.path, file.content) for file in self.files or ()]


class ReplacesIn(_Form):
    """With `replaces`, the id of the version that the caller has seen, nothing goes live over another one."""

    replaces: _Key | None = None


class NextVersionIn(VersionIn, ReplacesIn):
    """A new version."""


class VersionPath(WorkerPath):
    """One of a worker's versions, by its id."""

    version: _Key


class WorkerIn(VersionIn):
    """A worker as it is asked for."""

    name: Annotated[str, Field(strict=True)]
    environment: Environment = Environment.PRODUCTION


class KeepIn(_Form):
    """Whether a worker stays for good."""

    keep: Annotated[bool, Field(strict=True)]


class WorkerAppIn(_Form):
    """An app of a worker; without a name it has the worker's."""

    name: Annotated[str, Field(strict=True)] | None = None
    private: Annotated[bool, Field(strict=True)] = False
    branches: dict[str, Environment] | None = None

    def wish(self) -> AppWish:
        """Return it as the pipeline takes it."""
        return AppWish(self.name, is_private=self.private, branches=self.branches)


class FunctionIn(_Form):
    """One more function of an app, in a file of its own; a branch of None is the default one."""

    name: Annotated[str, Field(strict=True)]
    code: Annotated[str, Field(strict=True)]
    branch: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    message: Annotated[str, StringConstraints(max_length=10_000)] | None = None

    def function(self) -> NewFunction:
        """Return it as the pipeline takes it."""
        return NewFunction(self.name, self.code, self.branch, self.message)
