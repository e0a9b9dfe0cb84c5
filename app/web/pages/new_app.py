"""`/apps/new`: an app begins, and its page shows the steps as they happen."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flask import Response, redirect, request, url_for

from app.domain.git_addresses import GitAddress, suggested_name
from app.domain.rights import Act
from app.errors import BranchlineError, InvalidInput
from app.pipeline.generate import MAXIMUM_FILES, GivenFile
from app.pipeline.provision import Order, request_app
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import actor, caller, needs
from app.web.pages.app import address_of, pages
from app.web.pages.shell import render

_EXAMPLE_PAGE: Final = """\
<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Hello</title>
  <h1>Hello from a repository that deploys itself</h1>
</html>
"""
_EXAMPLE_FUNCTION: Final = """\
// Every function that you export answers at /api/invoke/<its name>.

export async function hello({ name = "world" }: { name?: string } = {}) {
  console.log(`greeting ${name}`);
  return { greeting: `Hello, ${name}!` };
}
"""


class Beginning(StrEnum):
    """What an app begins with."""

    TEMPLATE = "template"
    FILES = "files"
    FUNCTIONS = "functions"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, or is suggested."""

    name: str = ""
    beginning: Beginning = Beginning.TEMPLATE
    path: str = "index.html"
    page: str = _EXAMPLE_PAGE
    function: str = _EXAMPLE_FUNCTION
    address: str = ""
    is_private: bool = False
    uploads: Sequence[GivenFile] = field(default=(), repr=False)

    def order(self) -> Order:
        """Return it as the pipeline takes it. Raises InvalidInput."""
        is_import = self.beginning is Beginning.IMPORT
        source = GitAddress.parse(self.address, context().import_origins) if is_import else None
        name = self.name or (suggested_name(self.address) if is_import else "")
        return Order(name, self._files(), is_private=self.is_private, import_from=source)

    def _files(self) -> Sequence[GivenFile]:
        if self.beginning is Beginning.FUNCTIONS:
            return [GivenFile("functions/index.ts", self.function)]
        if self.beginning is Beginning.FILES:
            typed = [GivenFile(self.path, self.page)] if self.path and self.page.strip() else []
            return [*typed, *self.uploads]
        return ()


@pages.get("/apps/new")
@needs(Act.CREATE)
def ask_for_app() -> Response:
    """Show what an app can begin with."""
    return _form(Typed())


@pages.post("/apps/new")
@needs(Act.CREATE)
def begin_app() -> Response:
    """Ask for an app, and show its page; what cannot be comes back as it was typed."""
    given, typed = context(), Typed()
    try:
        typed = _typed()
        order = typed.order()
        with given.records.begin() as tx:
            app, _ = request_app(
                tx,
                order,
                at=given.clock(),
                entropy=given.entropy,
                actor=actor(),
                creator=caller().person,
            )
    except BranchlineError as error:
        return _form(typed, refusal(error))
    return redirect(f"{address_of(app)}?done=requested", 303)  # type: ignore[return-value] # Flask's own is one


def _typed() -> Typed:
    given = request.form
    return Typed(
        name=given.get("name", "").strip(),
        beginning=_beginning(given.get("beginning", "")),
        path=given.get("path", "").strip(),
        page=_lines(given.get("page", "")),
        function=_lines(given.get("function", "")),
        address=given.get("address", "").strip(),
        is_private="private" in given,
        uploads=_uploads(),
    )


def _beginning(text: str) -> Beginning:
    return Beginning(text) if text in set(Beginning) else Beginning.TEMPLATE


def _lines(text: str) -> str:
    """Return a text with its lines as they were typed: browsers end those of a form in a way of their own."""
    return text.replace("\r\n", "\n")


def _uploads() -> Sequence[GivenFile]:
    """Return the files that were chosen. Raises InvalidInput when they are too many to look at."""
    chosen = [it for it in request.files.getlist("uploads") if it.filename]
    if len(chosen) > MAXIMUM_FILES:
        raise InvalidInput(f"reading the files: {len(chosen)} are more than {MAXIMUM_FILES}")
    return [
        GivenFile(str(it.filename), base64.b64encode(it.stream.read()).decode(), "base64") for it in chosen
    ]


def _form(typed: Typed, error: BranchlineError | None = None) -> Response:
    return render(
        "new_app.html",
        status=200 if error is None else status_of(error),
        typed=typed,
        error=error,
        workers_url=url_for("pages_workers.ask_for_worker"),
    )
