"""An upload of a script, from its multipart parts to a version in its folder.

https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from werkzeug.datastructures import FileStorage

from sandbox.cloudflare import asset_rules, bindings, errors, names
from sandbox.cloudflare.asset_uploads import AssetUploads
from sandbox.cloudflare.deploy import Deployments
from sandbox.cloudflare.limits import check_limits
from sandbox.cloudflare.model import Json, Module, Script, Version, new_id, now
from sandbox.cloudflare.store import write_json

_MODULE_TYPES = {
    "application/javascript+module": "js",
    "text/javascript+module": "js",
    "application/javascript": "cjs",
    "text/javascript": "cjs",
    "text/plain": "text",
    "application/json": "json",
    "application/wasm": "wasm",
    "application/octet-stream": "data",
}
_IGNORED_TYPES = frozenset({"application/source-map"})
_DEFAULT_DATE = "2021-11-02"


@dataclass(frozen=True)
class Upload:
    """What a client sent: metadata and module parts, whose content lies in spooled files."""

    metadata: Json
    parts: Sequence[FileStorage]


def upload_from_parts(form: dict[str, str], files: Sequence[tuple[str, FileStorage]]) -> Upload:
    """Separate metadata from modules; refuse metadata that is missing or not an object."""
    text = form.get("metadata")
    described = next((file for name, file in files if name == "metadata"), None)
    if described is not None:
        text = described.stream.read().decode(errors="replace")
    if text is None:
        raise errors.invalid_request("the part 'metadata' is missing")
    try:
        metadata = json.loads(text)
    except ValueError as problem:
        raise errors.invalid_json() from problem
    if not isinstance(metadata, dict):
        raise errors.invalid_request("metadata must be an object")
    parts = [file for name, file in files if name != "metadata" and file.mimetype not in _IGNORED_TYPES]
    return Upload(metadata, parts)


class Uploads:
    """Turns an upload into the live version of a script."""

    def __init__(self, deployments: Deployments, assets: AssetUploads) -> None:
        self._deployments = deployments
        self._store = deployments.store
        self._assets = assets

    def accept(self, namespace: str, name: str, upload: Upload) -> tuple[Script, Version]:
        """Make an upload live; what it inherits is taken from the version before.

        Raises:
            ApiError: it is not acceptable or does not start; the version before stays live.
        """
        tags = names.check_tags(upload.metadata.get("tags") or [])
        with self._deployments.changing(namespace, name):
            before = self._store.find_script(namespace, name)
            previous = self._store.version(before) if before else None
            identity = new_id()
            with self._deployments.drafting(namespace, name, identity) as path:
                modules = _store_modules(upload, path / "modules")
                has_assets = self._store_manifest(namespace, before, upload.metadata, path)
                version = _version(identity, upload.metadata, modules, previous, has_assets=has_assets)
                return self._deployments.publish(namespace, name, version, tags), version

    def replace_content(self, namespace: str, name: str, upload: Upload) -> tuple[Script, Version]:
        """Make a version live that has other modules and is the present one in everything else.

        Raises:
            ApiError: as `accept` does; or the script is not there, or has no code to replace.
        """
        with self._deployments.changing(namespace, name):
            script = self._store.script(namespace, name)
            previous = self._store.version(script)
            if previous.main_module is None:
                raise errors.invalid_request("a script of assets alone has no content")
            identity = new_id()
            with self._deployments.drafting(namespace, name, identity) as path:
                modules = _store_modules(upload, path / "modules")
                main = _main_module(upload.metadata, modules, has_assets=False)
                if previous.assets is not None:
                    self._copy_manifest(script, path)
                version = replace(previous, id=identity, created_on=now(), main_module=main, modules=modules)
                return self._deployments.publish(namespace, name, version, script.tags), version

    def _store_manifest(self, namespace: str, before: Script | None, metadata: Json, path: Path) -> bool:
        """Write the manifest of the version's assets; returns whether it has any."""
        assets = metadata.get("assets") or {}
        name = path.parent.parent.name
        if assets.get("jwt"):
            write_json(path / "manifest.json", self._assets.manifest(namespace, name, str(assets["jwt"])))
            return True
        if metadata.get("keep_assets") and before and before.has_assets:
            self._copy_manifest(before, path)
            return True
        return False

    def _copy_manifest(self, script: Script, path: Path) -> None:
        source = self._store.version_path(script.namespace, script.name, script.version)
        shutil.copyfile(source / "manifest.json", path / "manifest.json")


def _version(
    identity: str, metadata: Json, modules: tuple[Module, ...], previous: Version | None, *, has_assets: bool
) -> Version:
    main = _main_module(metadata, modules, has_assets=has_assets)
    date = metadata.get("compatibility_date") or _DEFAULT_DATE
    flags = tuple(metadata.get("compatibility_flags") or ())
    return Version(
        id=identity,
        main_module=main,
        modules=modules,
        bindings=bindings.merge(
            metadata.get("bindings") or [], previous, metadata.get("keep_bindings") or ()
        ),
        compatibility_date=date,
        compatibility_flags=flags,
        usage_model=metadata.get("usage_model") or "standard",
        observability=metadata.get("observability"),
        limits=check_limits(metadata.get("limits")),
        tag=str((metadata.get("annotations") or {}).get("workers/tag", "")),
        assets=_assets(metadata, previous, date, list(flags), has_modules=main is not None)
        if has_assets
        else None,
    )


def _assets(
    metadata: Json, previous: Version | None, date: str, flags: list[str], *, has_modules: bool
) -> Json:
    sent = metadata.get("assets") or {}
    config = sent.get("config")
    if config is None and not sent.get("jwt") and previous and previous.assets:
        return previous.assets
    config = config or {}
    return {
        "config": asset_rules.asset_config(config, date, flags),
        "router": asset_rules.router_config(config, has_modules=has_modules),
    }


def _main_module(metadata: Json, modules: tuple[Module, ...], *, has_assets: bool) -> str | None:
    if metadata.get("body_part"):
        raise errors.invalid_request(
            "Service-worker scripts cannot run in a dispatch namespace; use ES modules."
        )
    main: Any = metadata.get("main_module")
    if main is None and not modules and has_assets:
        return None
    if main is None:
        raise errors.invalid_request("metadata must name its main_module")
    if main not in {module.name for module in modules}:
        raise errors.invalid_request(f'No such module "{main}".')
    return str(main)


def _store_modules(upload: Upload, folder: Path) -> tuple[Module, ...]:
    modules = []
    for number, part in enumerate(upload.parts):
        # As on Cloudflare, a module is called as its file; the field's name is the second choice.
        name = part.filename or part.name or ""
        kind = _MODULE_TYPES.get(part.mimetype)
        if kind is None:
            raise errors.invalid_request(f"module '{name}' has the unsupported type '{part.mimetype}'")
        part.save(folder / str(number))
        modules.append(Module(name, kind, str(number)))
    return tuple(modules)
