"""Namespaces, scripts and assets on disk, as the runtime reads them too.

    namespaces/{namespace}/namespace.json
                           assets/{hash}, assets/{hash}.json     content and its type, shared by the namespace
                           uploads/{session}.json                manifests of asset uploads under way
                           scripts/{script}/script.json          which version is live; replaced in one step
                                            versions/{id}/       never changed once its script.json names it

Every file appears whole or not at all, so ending the process at any moment leaves a state that can be read.
It does not lock: who changes a script holds the script's lock (see `deploy`).
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.cloudflare import errors
from sandbox.cloudflare.model import Json, Namespace, Script, Version, new_id


class Store:
    """Everything that survives a restart, under one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._namespaces = directory / "namespaces"
        self._trash = directory / "trash"
        self._namespaces.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        shutil.rmtree(self._trash, ignore_errors=True)
        self._trash.mkdir()

    # Namespaces

    def namespaces(self) -> list[Namespace]:
        """Return all namespaces by name."""
        found = (read_json(path) for path in sorted(self._namespaces.glob("*/namespace.json")))
        return [Namespace(**data) for data in found if data is not None]

    def namespace(self, name: str) -> Namespace:
        """Return a namespace, or refuse with Cloudflare's code for a missing one."""
        data = read_json(self.namespace_path(name) / "namespace.json")
        if data is None:
            raise errors.namespace_not_found()
        return Namespace(**data)

    def has_namespace(self, name: str) -> bool:
        """Say whether there is a namespace of this name."""
        return (self.namespace_path(name) / "namespace.json").exists()

    def add_namespace(self, namespace: Namespace) -> None:
        """Create or replace a namespace's description."""
        write_json(self.namespace_path(namespace.name) / "namespace.json", vars(namespace))

    def remove_namespace(self, name: str) -> None:
        """Forget a namespace with all that is in it."""
        self._discard(self.namespace_path(name))

    def namespace_path(self, name: str) -> Path:
        """Return the folder of a namespace."""
        return self._namespaces / name

    # Scripts

    def scripts(self, namespace: str) -> Iterator[Script]:
        """Yield the scripts of a namespace by name."""
        for path in sorted(self.namespace_path(namespace).glob("scripts/*/script.json")):
            data = read_json(path)
            if data is not None:
                yield Script.from_json(data)

    def count_scripts(self, namespace: str) -> int:
        """Count the scripts of a namespace."""
        return sum(1 for _ in self.namespace_path(namespace).glob("scripts/*/script.json"))

    def find_script(self, namespace: str, name: str) -> Script | None:
        """Return a script, if it is there."""
        data = read_json(self.script_path(namespace, name) / "script.json")
        return None if data is None else Script.from_json(data)

    def script(self, namespace: str, name: str) -> Script:
        """Return a script, or refuse with Cloudflare's code for a missing one."""
        script = self.find_script(namespace, name)
        if script is None:
            raise errors.script_not_found()
        return script

    def save_script(self, script: Script) -> None:
        """Make this the script's present state: the moment at which an upload takes effect."""
        write_json(self.script_path(script.namespace, script.name) / "script.json", script.as_json())

    def remove_script(self, namespace: str, name: str) -> None:
        """Forget a script and its versions."""
        self._discard(self.script_path(namespace, name))

    def script_path(self, namespace: str, name: str) -> Path:
        """Return the folder of a script."""
        return self.namespace_path(namespace) / "scripts" / name

    # Versions

    def version_path(self, namespace: str, script: str, version: str) -> Path:
        """Return the folder of a version."""
        return self.script_path(namespace, script) / "versions" / version

    def version(self, script: Script) -> Version:
        """Return the live version of a script."""
        path = self.version_path(script.namespace, script.name, script.version)
        data = read_json(path / "version.json")
        if data is None:  # Defensive: script.json names versions only after they were written.
            raise errors.script_not_found()
        return Version.from_json(data)

    def keep_versions(self, namespace: str, script: str, keep: set[str]) -> None:
        """Remove all versions but these."""
        for path in (self.script_path(namespace, script) / "versions").glob("*"):
            if path.name not in keep:
                self._discard(path)

    def _discard(self, path: Path) -> None:
        """Remove a folder; to every reader it is gone at once."""
        grave = self._trash / new_id()
        try:
            path.rename(grave)
        except FileNotFoundError:
            return
        shutil.rmtree(grave, ignore_errors=True)


def read_json(path: Path) -> Any:
    """Return a file's JSON, or None when the file is not there."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def write_json(path: Path, data: Json) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{new_id()}.part")
    draft.write_text(json.dumps(data))
    draft.replace(path)
