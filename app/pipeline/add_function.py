"""Add a function: one more file in the `functions` of an app's repository, in one commit.

It is looked at by the compiler first, so that what cannot be built is not committed. What it imports is the
app's: packages may well be there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.domain.apps import App
from app.domain.git import blob_name, check_ref
from app.domain.sources import CODE, Source
from app.domain.workers import is_function_name
from app.errors import Conflict, InvalidInput, Unprocessable
from app.pipeline.files import FileChange, Written, branch_head, default_branch, put_file
from app.pipeline.generate import check_path
from app.pipeline.workers_app import FOLDER
from app.ports import CodeHost, Compiler, Entry

_INDEX: Final = "index"


@dataclass(frozen=True, slots=True)
class NewFunction:
    """A function as it is asked for; a branch of None is the default one."""

    name: str
    code: str = field(repr=False)
    branch: str | None = None
    message: str | None = None

    @property
    def path(self) -> str:
        """Where it will stand."""
        return f"{FOLDER}/{self.name}.ts"


@dataclass(frozen=True, slots=True)
class Added:
    """What was committed, and what can be called of it."""

    written: Written
    exports: tuple[str, ...]


def check_function(new: NewFunction, compiler: Compiler) -> tuple[str, ...]:
    """Return what the new file exports.

    Raises:
        InvalidInput: no file in `functions` can have that name.
        Unprocessable: it does not compile, or does not export what it is called.
    """
    if not is_function_name(new.name) or new.name in {_INDEX, "default"}:
        raise InvalidInput(
            f"naming function {new.name[:60]!r}: use an identifier other than index and default",
            code="function:invalid-name",
        )
    check_path(new.path)
    exports = compiler.exports(Source(f"{new.name}.ts", new.code))
    if new.name not in exports:
        raise Unprocessable(
            f"looking for functions: {new.name}.ts exports no {new.name}", code="worker:no-functions"
        )
    return exports


def add_function(app: App, new: NewFunction, exports: tuple[str, ...], host: CodeHost) -> Added:
    """Commit a checked function, unless it is there already.

    Raises:
        NotFound: there is no such branch.
        Conflict: another file of that name is there, or an index says what is exported.
    """
    branch = check_ref(new.branch or default_branch(app))
    head = branch_head(app, branch, host)
    looked_at = [f"{FOLDER}/{stem}{suffix}" for stem in (new.name, _INDEX) for suffix in CODE]
    _check_room(new, host.trees.entries(app.repository_name, head, looked_at))
    message = new.message or f"Add function {new.name}"
    change = FileChange(new.path, new.code.encode(errors="replace"), branch=branch, message=message)
    return Added(put_file(app, change, host), exports)


def _check_room(new: NewFunction, entries: Mapping[str, Entry]) -> None:
    for path, entry in entries.items():
        if path == new.path and entry.sha == blob_name(new.code.encode(errors="replace")):
            continue
        if path.startswith(f"{FOLDER}/{_INDEX}."):
            raise Conflict(
                f"adding function {new.name}: {path} says what is exported; change it there",
                code="function:has-index",
                path=path,
            )
        if path.startswith(f"{FOLDER}/"):
            raise Conflict(
                f"adding function {new.name}: {path} is there already", code="function:exists", path=path
            )
