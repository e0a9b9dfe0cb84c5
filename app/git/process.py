"""One git process: bounded in time, memory and the size of each file, with nobody's configuration.

The bounds are the kernel's where it has them, so that they hold when we are gone. What git prints goes to
files, for it may be endless too.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from app.errors import Misconfigured

_BLOCK_BYTES: Final = 512  # the unit of `ulimit -f`
_KILOBYTE: Final = 1024  # the unit of `ulimit -v`
# git keeps a list of refs in memory, however long a stranger makes it.
_MOST_MEMORY: Final = 3 * 512 * 1024 * 1024
_MOST_OUTPUT: Final = 8 * 1024 * 1024
_MOST_ERRORS: Final = 4000
_GRACE_SECONDS: Final = 5
_NOT_FOUND: Final = 127
# What an operator may set about the network; everything else of our environment stays here.
_PASSED: Final = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "TMPDIR")
_PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")

CONFIGURATION: Final[Mapping[str, str]] = {
    "protocol.allow": "never",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "credential.helper": "",
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "fetch.unpackLimit": "1",  # one pack and no loose files, so that a bounded file is a bounded history
    "fetch.uriProtocols": "",
    "transfer.bundleURI": "false",
    "submodule.recurse": "false",
    "advice.detachedHead": "false",
    # What one history may take of our memory.
    "pack.threads": "1",
    "pack.windowMemory": "32m",
    "core.bigFileThreshold": "8m",
    "core.deltaBaseCacheLimit": "16m",
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "128m",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long git may take, and how large a file may get."""

    seconds: float = 600.0
    file_bytes: int = 1024**3


class GitFailed(Exception):
    """git did not do it; `output` is the end of what it said."""

    def __init__(self, output: str, *, is_too_slow: bool = False, is_too_large: bool = False) -> None:
        super().__init__(output)
        self.output = output
        self.is_too_slow = is_too_slow
        self.is_too_large = is_too_large


@dataclass(frozen=True, slots=True)
class Git:
    """git in a directory, which is a bare repository or will have one.

    `configuration` is added to ours, `secrets` to its environment: a command line is everybody's to read.
    """

    directory: Path
    configuration: Mapping[str, str]
    secrets: Mapping[str, str]
    limits: Limits = Limits()
    uses_proxies: bool = False

    def run(self, *arguments: str) -> str:
        """Run one command and return what it printed.

        Raises:
            GitFailed: it did not do it.
            Misconfigured: there is no git here.
        """
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            code = self._wait(self._start(arguments, output, errors))
            said = _end_of(errors)
            if code == _NOT_FOUND:
                raise Misconfigured("PATH", "leads to no git", "install git 2.38 or newer where jobs run")
            if code is None:
                raise GitFailed(said, is_too_slow=True)
            if code != 0:
                raise GitFailed(said, is_too_large=self._is_too_large(code))
            output.seek(0)
            return output.read(_MOST_OUTPUT).decode(errors="replace")

    def _start(
        self, arguments: Sequence[str], output: IO[bytes], errors: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command(arguments),
            cwd=self.directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )

    def _command(self, arguments: Sequence[str]) -> list[str]:
        settings = {**CONFIGURATION, **self.configuration}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        blocks, memory = max(1, self.limits.file_bytes // _BLOCK_BYTES), _MOST_MEMORY // _KILOBYTE
        # The limits have to be there before git is: what it starts inherits them.
        bounded = ["/bin/sh", "-c", f'ulimit -f {blocks} && ulimit -v {memory} && exec "$@"', "sh"]
        return [*bounded, *_watch(self.limits.seconds), "git", *flags, *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name in _PASSED if (value := os.environ.get(name))}
        if self.uses_proxies:
            names = [*_PROXIES, *(name.upper() for name in _PROXIES)]
            kept |= {name: value for name in names if (value := os.environ.get(name))}
        ours = {
            "HOME": str(self.directory),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
        }
        return {**kept, **ours, **self.secrets}

    def _is_too_large(self, code: int) -> bool:
        """Tell whether the kernel stopped git at the size of a file.

        Where it stopped what git had started, git only says that its pack is no good, and the pack is there.
        """
        if code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:
            return True
        full = self.limits.file_bytes - _BLOCK_BYTES
        return any(it.stat().st_size >= full for it in self.directory.rglob("*") if it.is_file())

    def _wait(self, process: "subprocess.Popen[bytes]") -> int | None:
        """Return its exit code; None when it had to be killed, with all that it started."""
        try:
            return process.wait(self.limits.seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise


def _watch(seconds: float) -> list[str]:
    """Return what ends git in time also when we do not live to do it."""
    timeout = shutil.which("timeout")
    return [timeout, "-s", "KILL", str(int(seconds) + _GRACE_SECONDS)] if timeout else []


def _end_of(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _MOST_ERRORS))
    return errors.read().decode(errors="replace")
