"""What the API takes about files: paths, queries, bodies, and the preconditions in a request's headers."""

from typing import Annotated, Literal, Self

from flask import request
from flask_openapi3.models import RawModel
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from werkzeug.datastructures import ETags
from werkzeug.exceptions import abort

from app.errors import InvalidInput
from app.pipeline.commit import CommitOrder, ProposalText
from app.pipeline.files import ANY, Expectation
from app.pipeline.generate import MAXIMUM_FILE_BYTES, MAXIMUM_FILES, GivenFile, check_files
from app.ports import ArchiveFormat
from app.web.errors import on_invalid
from app.web.forms import AppPath, Person, require_object

RAW = "application/octet-stream"

_Ref = Annotated[str, StringConstraints(min_length=1, max_length=255)]
_Message = Annotated[str, StringConstraints(max_length=10_000)]
# In an address, where it has to fit into one line however it is quoted.
_ShortMessage = Annotated[str, StringConstraints(max_length=500)]
_Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
_Encoding = Literal["utf-8", "base64"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class FilePath(AppPath):
    """A file of an app."""

    path: str


class RefQuery(_Form):
    """A branch, a tag or a commit; without one it is the default branch."""

    ref: _Ref | None = None


class ByQuery(_Form):
    """Who wants it."""

    by: Person | None = None


class WriteQuery(ByQuery):
    """Where a write goes, and what its commit says."""

    branch: _Ref | None = None
    message: _ShortMessage | None = None


class ExportQuery(RefQuery):
    """What to pack, and how."""

    format: ArchiveFormat = ArchiveFormat.TAR_GZ


class FileBody(RawModel):
    """A file's content: as JSON, or as it is."""

    mimetypes = ("application/json", RAW)  # type: ignore[assignment] # it is only read


class ContentIn(_Form):
    """A file's content as JSON; `encoding` says how it is written."""

    content: str
    encoding: _Encoding = "utf-8"
    branch: _Ref | None = None
    message: _Message | None = None


class ChangedFileIn(_Form):
    """One file of a commit: with a content, or to be deleted."""

    path: str
    content: str | None = None
    encoding: _Encoding = "utf-8"
    delete: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _check_change(self) -> Self:
        if (self.content is None) != self.delete:
            raise ValueError("give either content or delete: true")
        return self


class ProposalIn(_Form):
    """A pull request's title and body."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=250)]
    body: Annotated[str, StringConstraints(max_length=60_000)] = ""


class CommitIn(_Form):
    """A commit of many files. `parent` is where the branch has to be, or where a new one begins."""

    message: _Message
    files: Annotated[list[ChangedFileIn], Field(max_length=MAXIMUM_FILES)]
    branch: _Ref | None = None
    parent: _Commit | None = None
    create_branch: Annotated[bool, Field(strict=True)] = False
    pull_request: ProposalIn | None = None
    by: Person | None = None

    def order(self) -> CommitOrder:
        """Return it as the pipeline takes it."""
        text = self.pull_request
        return CommitOrder(
            message=self.message,
            files=[GivenFile(f.path, f.content, f.encoding) for f in self.files if f.content is not None],
            deleted=[f.path for f in self.files if f.delete],
            branch=self.branch,
            parent=self.parent,
            is_new_branch=self.create_branch,
            proposal=ProposalText(text.title, text.body) if text else None,
        )


def read_content(path: str, query: WriteQuery) -> tuple[bytes, WriteQuery]:
    """Return the content that a request carries, with its branch and message from wherever they stand.

    Raises:
        InvalidInput: it is neither JSON nor called octets, or the JSON is not of the form.
        RequestEntityTooLarge: it is larger than a file may be.
    """
    if request.mimetype == RAW:
        return _raw_content(), query
    if not request.is_json:
        raise InvalidInput(
            f"reading the file: set its content type to {RAW}, or to application/json for JSON with a content"
        )
    require_object()
    try:
        body = ContentIn.model_validate(request.get_json())
    except ValidationError as error:
        abort(on_invalid(error))
    named = {name: value for name in ("branch", "message") if (value := getattr(body, name)) is not None}
    where = query.model_copy(update=named)
    (file,) = check_files([GivenFile(path, body.content, body.encoding)])
    return file.content, where


def expectation() -> Expectation:
    """Return what `If-Match` and `If-None-Match` expect; a weak tag matches nothing."""
    among = _blobs(request.if_match) if "If-Match" in request.headers else None
    return Expectation(among, _blobs(request.if_none_match))


def _raw_content() -> bytes:
    request.max_content_length = MAXIMUM_FILE_BYTES
    content = request.get_data(cache=False)
    # A body without a length was cut at the limit; only reading on tells.
    request.stream.read(1)
    return content


def _blobs(tags: ETags) -> frozenset[str]:
    return frozenset({ANY}) if tags.star_tag else frozenset(tags.as_set(include_weak=False))
