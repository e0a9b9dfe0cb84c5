"""What the API takes: paths, queries and bodies, with unknown fields refused."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal, Self

from flask import request
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from app.domain.apps import AppStatus, Heal
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.git_addresses import GitAddress, suggested_name
from app.domain.variables import MAXIMUM_VARIABLES
from app.errors import InvalidInput
from app.pipeline.generate import MAXIMUM_FILES, GivenFile
from app.pipeline.provision import Order

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")
_Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]


def _person(name: str) -> str:
    """Refuse names that are not a person's: the record says that GitHub, a run, the clock or a job did it.

    Nor may one say that somebody has signed in.
    """
    is_ours = name in {"github", "workflow", "clock", "job"} or name.startswith(("job_", "person:", "token:"))
    if not name.isprintable() or is_ours:
        raise ValueError("this is no person's name")
    return name


# Who wants something, in the words of whoever bears the operator's token; of others they count for nothing.
Person = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), AfterValidator(_person)
]


def _written_out(given: object) -> object:
    """Refuse numbers, which would be taken for seconds since 1970."""
    if given is not None and not (isinstance(given, str) and _DATE.match(given)):
        raise ValueError("write a time as 2026-11-22T12:00:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]


def require_object() -> None:
    """Let a request with a body pass when that is a JSON object; its fields are checked by its form.

    Raises:
        InvalidInput: it is something else, or is not called JSON.
    """
    if request.method not in {"POST", "PUT", "PATCH"}:
        return
    if not request.is_json:
        raise InvalidInput("reading the body: set its content type to application/json")
    try:
        is_object = isinstance(request.get_json(silent=True), dict)
    except RecursionError:
        is_object = False
    if not is_object:
        raise InvalidInput("reading the body: it is no JSON object")


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class AppPath(_Form):
    """`app` is an app's id, slug or name."""

    app: _Key


class VariablesPath(AppPath):
    """An app's environment."""

    environment: Environment


class VariablePath(VariablesPath):
    """One of its variables, or secrets."""

    name: _Key


class PullRequestPath(AppPath):
    """One of an app's pull requests."""

    number: Annotated[int, Field(ge=1, lt=2**53)]


class DeploymentPath(_Form):
    """`deployment` is a deployment's id."""

    deployment: _Key


class JobPath(_Form):
    """`job` is a job's id."""

    job: _Key


class DeliveryPath(_Form):
    """`guid` is the sender's id of a delivery."""

    guid: _Key


class PageQuery(_Form):
    """Which page: the `nextCursor` of the page before, and how many items."""

    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class AppsQuery(PageQuery):
    """Which apps: those whose name has `q` in it, and that stand so."""

    q: Annotated[str, StringConstraints(min_length=1, max_length=50)] | None = None
    status: AppStatus | None = None


class DeploymentsQuery(PageQuery):
    """Which of an app's deployments."""

    environment: Environment | None = None
    status: Status | None = None


class DeleteQuery(_Form):
    """Whether the repository stays."""

    keep_repository: bool = False


class FileIn(_Form):
    """A file of the app; `encoding` says how `content` is written."""

    path: str
    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"


class AppIn(_Form):
    """An app as it is asked for. `branches` maps branch names to environments.

    With `importFrom` it begins with the repository at that address, and may do without a name.
    """

    name: Annotated[str, Field(strict=True)]
    files: Annotated[list[FileIn], Field(max_length=MAXIMUM_FILES)] = []
    private: Annotated[bool, Field(strict=True)] = False
    branches: dict[str, Environment] | None = None
    import_from: Annotated[str, Field(strict=True)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_after_source(cls, given: Any) -> Any:
        source = given.get("importFrom") if isinstance(given, dict) else None
        return {"name": suggested_name(source), **given} if isinstance(source, str) else given

    def order(self, trusted_origins: Collection[str] = ()) -> Order:
        """Return it as the pipeline takes it. Raises InvalidInput when its address is none to import from."""
        files = [GivenFile(f.path, f.content, f.encoding) for f in self.files]
        source = GitAddress.parse(self.import_from, trusted_origins) if self.import_from is not None else None
        return Order(self.name, files, is_private=self.private, branches=self.branches, import_from=source)


class ValueIn(_Form):
    """What a variable, or a secret, says from now on."""

    value: str


class ValuesIn(_Form):
    """What several say, by name; those that are not named stay."""

    values: Annotated[dict[str, str], Field(min_length=1, max_length=MAXIMUM_VARIABLES)]


class RollbackIn(_Form):
    """Where to go back to: `to` is a deployment's id, the one before what is live unless told otherwise."""

    environment: Environment
    to: _Key | None = None
    by: Person | None = None


class ResumeIn(_Form):
    """What to resume: an environment, or the preview of a pull request."""

    environment: Environment
    pull_request: Annotated[int, Field(ge=1, lt=2**53, strict=True)] | None = None
    by: Person | None = None

    @model_validator(mode="after")
    def _check_preview(self) -> Self:
        """Refuse a pull request's number for an environment that all share."""
        if self.pull_request is not None and self.environment is not Environment.PREVIEW:
            raise ValueError("pullRequest is for previews alone")
        return self


class PromoteIn(_Form):
    """Where a deployment is to be live."""

    environment: Environment
    by: Person | None = None


class RedeployIn(_Form):
    """Who wants it."""

    by: Person | None = None


class LookIn(_Form):
    """How much to heal this time, instead of what the app's policy allows."""

    heal: Heal | None = None


class PolicyIn(_Form):
    """What may be healed of an app by itself; null leaves it to the platform."""

    heal: Heal | None
    by: Person | None = None


class PassIn(_Form):
    """A pass takes nothing."""


class PreviewIn(_Form):
    """Which commit of a fork's pull request is to be shown: its whole name, so that it can be no other."""

    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
    by: Person | None = None
