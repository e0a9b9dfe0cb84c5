"""What putting a script up consists of: its metadata, its modules, and those assets that Cloudflare lacks.

    manifest ──▶ session: which assets are missing, in buckets ──▶ one form per bucket ──▶ completion token
                                                   metadata with the token, modules ──▶ one form: the script

Assets are named by hashes that are salted per app (`Asset.upload_hash`), because Cloudflare shares them
within a namespace. The session's token stays in here.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Final

from app.cloudflare.client import Cloudflare
from app.cloudflare.forms import Form, Part, part_of
from app.domain.bundles import Asset, Module
from app.errors import RemoteForbidden, RemoteUnavailable
from app.ports import Bundles, Limits, Upload

# As wrangler does: https://developers.cloudflare.com/workers/static-assets/direct-upload/
_UPLOAD_PATH: Final = "workers/assets/upload"
_MOST_AT_ONCE: Final = 3
_NO_TYPE: Final = "application/null"
# Divisible by 3, so that the base64 of each piece is a piece of the whole's.
_CHUNK_BYTES: Final = 3 * 64 * 1024


def script_form(upload: Upload, assets_token: str | None, bundles: Bundles) -> Form:
    """Return the form that is a script."""
    text = json.dumps(metadata(upload, assets_token)).encode()
    modules = [_module(module, bundles) for module in upload.bundle.modules]
    return Form([part_of("metadata", "application/json", text), *modules])


def metadata(upload: Upload, assets_token: str | None) -> dict[str, Any]:
    """Return a script's metadata: nothing is kept of the version before."""
    # https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/
    bundle = upload.bundle
    described: dict[str, Any] = {
        "compatibility_date": bundle.compatibility_date,
        "compatibility_flags": list(bundle.compatibility_flags),
        "tags": list(upload.tags),
    }
    if assets_token is not None:
        described["assets"] = {"jwt": assets_token, "config": dict(bundle.assets_config or {})}
    return described | (_of_code(bundle.main_module, upload) if bundle.main_module is not None else {})


def _of_code(main_module: str, upload: Upload) -> dict[str, Any]:
    """Return what only a script with code has; wrangler sends none of it for assets alone."""
    described = {
        "main_module": main_module,
        "bindings": [dict(binding) for binding in upload.bindings],
        "keep_bindings": [],
        "observability": {"enabled": True},
    }
    limits = _limits(upload.limits)
    return described | ({"limits": limits} if limits else {})


def _limits(limits: Limits) -> dict[str, int]:
    wanted = {"cpu_ms": limits.cpu_ms, "subrequests": limits.subrequests}
    return {name: limit for name, limit in wanted.items() if limit is not None}


def _module(module: Module, bundles: Bundles) -> Part:
    return Part(module.name, module.content_type, module.size_bytes, partial(_chunks, bundles, module.sha256))


def _chunks(bundles: Bundles, sha256: str) -> Iterator[bytes]:
    with bundles.open(sha256) as content:
        yield from iter(lambda: content.read(_CHUNK_BYTES), b"")


# ------------------------------------------------------------------------------------------------- assets


class AssetUploads:
    """Uploads the assets of one bundle to one script."""

    def __init__(self, cloudflare: Cloudflare, bundles: Bundles, doing: str) -> None:
        self._cloudflare = cloudflare
        self._bundles = bundles
        self._doing = doing

    def upload(self, path: str, upload: Upload) -> str:
        """Upload what Cloudflare lacks to the script at `path` and return the completion token."""
        assets = {asset.upload_hash(upload.scope): asset for asset in upload.bundle.assets}
        token, buckets = self._open(path, manifest(upload))
        if not buckets:
            return token
        forms = [Form([self._part(name, assets) for name in bucket]) for bucket in buckets]
        completion = next(filter(None, _each(partial(self._send, token), forms)), None)
        if completion is None:
            raise self._odd("took all assets without a completion token")
        return completion

    def _open(self, path: str, manifest: Mapping[str, Any]) -> tuple[str, Sequence[Sequence[str]]]:
        answer = self._cloudflare.request(
            "POST", f"{path}/assets-upload-session", doing=self._doing, body={"manifest": manifest}
        )
        match answer:
            case {"jwt": str(token), "buckets": list(buckets)}:
                return token, buckets
            case {"jwt": str(token)}:
                return token, []
        raise self._odd("opened no session for assets")

    def _part(self, name: str, assets: Mapping[str, Asset]) -> Part:
        if name not in assets:
            raise self._odd("asked for an asset that it was not told of")
        asset = assets[name]
        size_bytes = (asset.size_bytes + 2) // 3 * 4
        chunks = partial(_base64, self._bundles, asset.sha256)
        return Part(name, asset.content_type or _NO_TYPE, size_bytes, chunks)

    def _send(self, token: str, form: Form) -> str | None:
        """Send one bucket; whichever is the last to arrive is answered with the completion token."""
        query = {"base64": "true"}
        try:
            answer = self._cloudflare.send(
                "POST", _UPLOAD_PATH, form, doing=self._doing, query=query, token=token
            )
        except RemoteForbidden as error:
            raise RemoteUnavailable(f"{error.message}; the session for assets has ended") from error
        return answer.get("jwt") if isinstance(answer, dict) else None

    def _odd(self, what: str) -> RemoteUnavailable:
        return RemoteUnavailable(f"{self._doing}: Cloudflare {what}")


def manifest(upload: Upload) -> dict[str, dict[str, Any]]:
    """Return what a session is told: hash and size by path."""
    return {
        asset.path: {"hash": asset.upload_hash(upload.scope), "size": asset.size_bytes}
        for asset in upload.bundle.assets
    }


def _base64(bundles: Bundles, sha256: str) -> Iterator[bytes]:
    return map(base64.b64encode, _chunks(bundles, sha256))


def _each(send: Callable[[Form], str | None], forms: Sequence[Form]) -> list[str | None]:
    """Send forms, a few at once; after the first failure none is begun."""
    if len(forms) == 1:
        return [send(forms[0])]
    threads = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="assets")
    try:
        sent, _ = wait([threads.submit(send, form) for form in forms], return_when=FIRST_EXCEPTION)
        return [it.result() for it in sent]
    finally:
        threads.shutdown(cancel_futures=True)
