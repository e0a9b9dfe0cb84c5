"""A compiler that compiles nothing, and addresses that answer what was put up there."""

import re
from collections.abc import Sequence

from app.domain.sources import Source, entry_points
from app.errors import Unprocessable
from app.ports import Compiled
from tests.fakes.bundles import FakeBundles
from tests.fakes.faults import Faults
from tests.fakes.scripts import FakeScripts

_EXPORTED = re.compile(r"export (?:async )?(?:function|const|class) (\w+)")
_CALLABLE = re.compile(r"export (?:(?:async )?function|const(?= \w+ = (?:async )?\()) (\w+)")


class FakeCompiler:
    """Port `Compiler`; its output is the entries' text, and one that says `syntax error` does not compile."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.fail_next = self.faults.fail_next

    def compile(self, files: Sequence[Source]) -> Compiled:
        with self.faults.during("compile"):
            entries = entry_points([file.path for file in files])
            text = "\n".join(_checked(file) for file in files if file.path in entries)
            return Compiled(text.encode(), tuple(_EXPORTED.findall(text)))

    def exports(self, file: Source) -> tuple[str, ...]:
        with self.faults.during("exports"):
            return tuple(_EXPORTED.findall(_checked(file)))


class FakeEndpoints:
    """Port `Endpoints`: what is exported as a function can be called, where it is up.

    `listed` says what scripts tell that nobody put up here.
    """

    def __init__(self, scripts: FakeScripts, bundles: FakeBundles) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.listed: dict[str, Sequence[str]] = {}
        self.faults = Faults()
        self.fail_next = self.faults.fail_next
        self._scripts = scripts
        self._bundles = bundles

    def functions(self, script: str, key: str | None, *, patiently: bool = True) -> Sequence[str]:
        del patiently  # here everything answers at once
        with self.faults.during("functions"):
            self.asked.append((script, key))
            if script in self.listed:
                return self.listed[script]
            (upload,) = (it for (_, name), it in self._scripts.uploads.items() if name == script)
            (code,) = (it.sha256 for it in upload.bundle.modules if it.name == "functions.js")
            text = self._bundles.blobs[code].decode()
            return _CALLABLE.findall(text)


def _checked(file: Source) -> str:
    if "syntax error" in file.content:
        error = {"file": file.path, "line": 1, "column": 1, "message": "syntax error"}
        raise Unprocessable("compiling functions: syntax error", code="worker:compile-failed", errors=[error])
    return file.content
