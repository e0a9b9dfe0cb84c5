"""Making an upload live: written, started, committed, told to the runtime, and only then acknowledged.

The commit is one rename (script.json). Before it the old version answers, after the acknowledgement only the
new one. Ending the process between two of these steps loses nothing that was acknowledged.
"""

import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sandbox.cloudflare import errors
from sandbox.cloudflare.errors import StartError
from sandbox.cloudflare.model import Script, Version, now
from sandbox.cloudflare.store import Store, write_json


class Worker(Protocol):
    """The runtime, as far as a deployment needs it."""

    def handlers(self, namespace: str, script: str, version: str) -> list[str]:
        """Start a version and return its handlers; StartError when it does not start."""
        ...

    def publish(self, namespace: str, script: str, version: str | None) -> None:
        """Make a version the one that answers."""
        ...


class Deployments:
    """Changes to scripts, one at a time for each script."""

    def __init__(self, store: Store, runtime: Worker) -> None:
        self.store = store
        self._runtime = runtime
        self._locks: dict[tuple[str, str], threading.RLock] = {}
        self._guard = threading.Lock()

    @contextmanager
    def changing(self, namespace: str, script: str) -> Iterator[None]:
        """Hold a script against other changes."""
        with self._guard:
            lock = self._locks.setdefault((namespace, script), threading.RLock())
        with lock:
            yield

    @contextmanager
    def drafting(self, namespace: str, script: str, version: str) -> Iterator[Path]:
        """Yield the folder of a version to be; it is removed again when it does not come to be."""
        path = self.store.version_path(namespace, script, version)
        (path / "modules").mkdir(parents=True)
        try:
            yield path
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise

    def publish(self, namespace: str, name: str, version: Version, tags: tuple[str, ...]) -> Script:
        """Make a drafted version live and return its script.

        Raises:
            ApiError: it does not start; the version before stays live.
        """
        before = self.store.find_script(namespace, name)
        write_json(self.store.version_path(namespace, name, version.id) / "version.json", version.as_json())
        started = time.perf_counter()
        handlers = self._start(namespace, name, version)
        script = Script(
            name=name,
            namespace=namespace,
            version=version.id,
            etag=version.etag,
            previous=before.version if before else None,
            handlers=handlers,
            tags=tags,
            has_modules=version.main_module is not None,
            has_assets=version.assets is not None,
            compatibility_date=version.compatibility_date,
            usage_model=version.usage_model,
            startup_time_ms=math.ceil((time.perf_counter() - started) * 1000),
        )
        script = replace(script, created_on=before.created_on) if before else script
        self.store.save_script(script)
        self._runtime.publish(namespace, name, version.id)
        # A request may still be loading the version before.
        self.store.keep_versions(namespace, name, {version.id, script.previous or ""})
        return script

    def _start(self, namespace: str, name: str, version: Version) -> tuple[str, ...]:
        if version.main_module is None:
            return ()
        try:
            return tuple(self._runtime.handlers(namespace, name, version.id))
        except StartError as problem:
            raise errors.version_does_not_start(str(problem)) from problem

    def amend(self, script: Script, version: Version, tags: tuple[str, ...] | None = None) -> Script:
        """Make a version live that has the modules and assets of the present one."""
        source = self.store.version_path(script.namespace, script.name, script.version)
        with self.drafting(script.namespace, script.name, version.id) as path:
            for module in version.modules:
                os.link(source / "modules" / module.file, path / "modules" / module.file)
            if version.assets is not None:
                os.link(source / "manifest.json", path / "manifest.json")
            return self.publish(script.namespace, script.name, version, script.tags if tags is None else tags)

    def retag(self, script: Script, tags: tuple[str, ...]) -> Script:
        """Change a script's tags; what runs is not touched."""
        tagged = replace(script, tags=tags, modified_on=now())
        self.store.save_script(tagged)
        return tagged

    def remove(self, namespace: str, name: str) -> None:
        """Remove a script. When this returns, no request reaches it any more."""
        with self.changing(namespace, name):
            self.store.script(namespace, name)
            self.store.remove_script(namespace, name)
            self._runtime.publish(namespace, name, None)

    def remove_chosen(self, namespace: str, is_chosen: Callable[[Script], bool]) -> None:
        """Remove all scripts that are chosen; one that somebody else removes meanwhile is fine."""
        for name in [script.name for script in self.store.scripts(namespace)]:
            with self.changing(namespace, name):
                script = self.store.find_script(namespace, name)
                if script is not None and is_chosen(script):
                    self.remove(namespace, name)

    def remove_namespace(self, name: str) -> None:
        """Remove a namespace with its scripts."""
        scripts = [script.name for script in self.store.scripts(name)]
        self.store.remove_namespace(name)
        for script in scripts:
            self._runtime.publish(name, script, None)
