"""Files of this machine on their way into an app: what of a directory is sent, and how."""

import base64
from pathlib import Path
from typing import Final

# What is not the app's own, and where wrangler and Vite look for secrets.
_SKIPPED: Final = frozenset(
    {".git", ".github", "node_modules", "dist", ".wrangler", ".env", ".env.local", ".dev.vars"}
)


def read_files(directory: Path | None) -> list[dict[str, str]]:
    """Return the files of a directory as the API takes them; without a directory there are none."""
    if directory is None:
        return []
    # A link may lead anywhere on this machine, and the repository may be public.
    found = sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    relative = [(path, path.relative_to(directory)) for path in found]
    return [_file(path, at.as_posix()) for path, at in relative if not _SKIPPED & set(at.parts)]


def _file(path: Path, name: str) -> dict[str, str]:
    content = path.read_bytes()
    try:
        return {"path": name, "content": content.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"path": name, "content": base64.b64encode(content).decode(), "encoding": "base64"}
