"""The compiler: esbuild's own binary, one short process for each look at an author's files.

    scan    every file by itself: nothing is resolved, so nothing is read but these files. It finds errors of
            syntax everywhere, and tells what each file exports and imports.
    bundle  only where files import one another, and only after every import was seen to stay among them.

A process has a directory with nothing in it but the author's files, an empty environment, a bound for memory,
time and what it writes, no plugins, and runs nothing of what it reads. What it knows is read from its
metafile.
"""

import json
import resource
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.domain.sources import Source, entry_points, is_code
from app.errors import Conflict, Unprocessable
from app.functions.imports import is_relative, outside
from app.functions.messages import problems
from app.ports import Compiled, Problem

_TIMEOUT_SECONDS: Final = 10
_MEMORY_BYTES: Final = 512 * 1024**2
_WRITTEN_BYTES: Final = 64 * 1024**2
_MOST_ERRORS: Final = 20
# What env says that does not find node: the program is npm's script for esbuild, not esbuild.
_NO_PROGRAM: Final = 127
_COMMON: Final = (
    "--format=esm",
    "--platform=neutral",
    "--target=es2022",
    "--charset=utf8",
    "--color=false",
    "--log-level=warning",
    f"--log-limit={_MOST_ERRORS}",
    # Neither a configuration of the author's, which may point anywhere, nor one that lies above.
    "--tsconfig-raw={}",
    "--metafile=../metafile.json",
    # A path that is only known at run time leads nowhere there, and anywhere on this disk here.
    "--log-override:unsupported-dynamic-import=error",
    "--log-override:ambiguous-reexport=error",
)
_BUNDLE: Final = ("--bundle", "--external:node:*", "--external:cloudflare:*", "--outfile=../out/functions.js")


class EsbuildCompiler:
    """Port `Compiler`; `binary` is None where the operator has not said where esbuild is."""

    def __init__(self, binary: Path | None) -> None:
        self._binary = binary

    def compile(self, files: Sequence[Source]) -> Compiled:
        """Compile the functions that files export.

        Raises:
            Unprocessable: with every problem that was found, up to some.
            Conflict: there is no esbuild.
        """
        with tempfile.TemporaryDirectory(prefix="branchline-") as folder:
            desk = _Desk(Path(folder), files, self._esbuild())
            modules = desk.scan([file.path for file in files if is_code(file.path)])
            entries = entry_points([file.path for file in files])
            if len(modules) == len(entries) == 1 and not any(map(is_relative, modules[0].imports)):
                return modules[0].compiled()
            return desk.bundle(entries)

    def exports(self, file: Source) -> tuple[str, ...]:
        """Return the names that one file exports; what it imports is not looked at."""
        with tempfile.TemporaryDirectory(prefix="branchline-") as folder:
            desk = _Desk(Path(folder), [file], self._esbuild())
            return desk.parse([file.path])[0].exports

    def _esbuild(self) -> Path:
        if self._binary is None or not self._binary.is_file():
            raise _no_compiler()
        return self._binary


@dataclass(frozen=True, slots=True)
class _Module:
    """A file that esbuild wrote, and what it says about it."""

    path: Path
    entry: str
    exports: tuple[str, ...]
    imports: tuple[str, ...]

    def compiled(self) -> Compiled:
        return Compiled(self.path.read_bytes(), self.exports)


class _Desk:
    """A directory for one compilation: `files` are the author's, everything beside them is ours."""

    def __init__(self, folder: Path, files: Sequence[Source], esbuild: Path) -> None:
        self._folder = folder
        self._esbuild = esbuild
        self._texts = {file.path: file.content for file in files}
        for path, text in self._texts.items():
            place = folder / "files" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            # Line ends as they came, and half a surrogate pair as the sign for what cannot be read.
            place.write_bytes(text.encode(errors="replace"))

    def scan(self, paths: Sequence[str]) -> list[_Module]:
        """Look at each file by itself, and at where its imports lead. Raises Unprocessable."""
        modules = self.parse(paths)
        found = [
            problem
            for module in modules
            for problem in outside(module.entry, self._texts[module.entry], module.imports)
        ]
        if found:
            raise _failed(found[:_MOST_ERRORS])
        return modules

    def parse(self, paths: Sequence[str]) -> list[_Module]:
        """Look at each file by itself. Raises Unprocessable."""
        if not paths:
            raise _failed([Problem("there is no file of TypeScript or JavaScript")])
        places = [f"./{path}" for path in paths]
        return self._run([*places, *_COMMON, "--outbase=.", "--outdir=../out"])

    def bundle(self, entries: Sequence[str]) -> Compiled:
        """Make one module of files that were scanned. Raises Unprocessable."""
        if len(entries) == 1:
            modules = self._run([f"./{entries[0]}", *_COMMON, *_BUNDLE])
        else:
            entry = "".join(f"export * from {json.dumps(f'./{path}')};\n" for path in entries)
            modules = self._run([*_COMMON, *_BUNDLE, "--sourcefile=functions.js"], entry)
        return modules[0].compiled()

    def _run(self, arguments: Sequence[str], entry: str = "") -> list[_Module]:
        status, said = _run(self._esbuild, arguments, self._folder / "files", entry)
        if status == _NO_PROGRAM:
            raise _no_compiler()
        if status == 1:
            raise _failed(problems(said, self._texts)[:_MOST_ERRORS])
        if status != 0:
            raise _failed([Problem("the compiler gave up: the code is nested too deeply, or too large")])
        metafile = json.loads((self._folder / "metafile.json").read_bytes())
        self._check_inputs(metafile)
        return [self._module(path, told) for path, told in metafile["outputs"].items()]

    def _check_inputs(self, metafile: Mapping[str, Any]) -> None:
        """Defensive: what was read is what the author gave, and our list of it."""
        if not metafile["inputs"].keys() <= {*self._texts, "functions.js"}:
            raise _failed([Problem("it leads to something that is not among the files")])

    def _module(self, path: str, told: Mapping[str, Any]) -> _Module:
        return _Module(
            path=self._folder / "files" / path,
            entry=told["entryPoint"],
            exports=tuple(told["exports"]),
            imports=tuple(it["path"] for it in told["imports"]),
        )


def _no_compiler() -> Conflict:
    return Conflict(
        "compiling functions: there is no compiler here; who runs Branchline installs esbuild and sets "
        "BRANCHLINE_ESBUILD",
        code="worker:no-compiler",
    )


def _failed(found: Sequence[Problem]) -> Unprocessable:
    errors = [{"file": it.file, "line": it.line, "column": it.column, "message": it.message} for it in found]
    first = found[0] if found else Problem("the compiler does not say why")
    place = f"{first.file}:{first.line}:{first.column}: " if first.file else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Unprocessable(
        f"compiling functions: {place}{first.message}{more}", code="worker:compile-failed", errors=errors
    )


def _run(esbuild: Path, arguments: Sequence[str], folder: Path, entry: str) -> tuple[int, str]:
    """Run esbuild in a folder and return its status and what it said; a status of 2 says that it gave up."""
    with _started([str(esbuild), *arguments], folder) as process:
        _bound(process.pid)
        try:
            _, said = process.communicate(entry.encode(), timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return 2, ""
    return process.returncode, said.decode(errors="replace")


def _started(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    environment = {"GOMAXPROCS": "2", "TMPDIR": str(folder.parent)}
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe
        )
    except OSError as error:  # it is no program of this machine
        raise _no_compiler() from error


def _bound(pid: int) -> None:
    """Bound what a process may use, where the system can do so from outside."""
    if not hasattr(resource, "prlimit"):
        return
    limits = {
        resource.RLIMIT_DATA: _MEMORY_BYTES,
        resource.RLIMIT_CPU: 2 * _TIMEOUT_SECONDS,
        resource.RLIMIT_FSIZE: _WRITTEN_BYTES,
        resource.RLIMIT_NOFILE: 256,
    }
    with suppress(ProcessLookupError):  # it was quick
        for limit, most in limits.items():
            resource.prlimit(pid, limit, (most, most))
