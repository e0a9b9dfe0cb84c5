"""Recordings as `record.mjs` makes them, packed as GitHub hands them out."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

JAVASCRIPT = "application/javascript+module"
CODE = b"export default { fetch: () => new Response('from a fork') };"
METADATA: Mapping[str, Any] = {"main_module": "index.js", "compatibility_date": "2026-11-01"}
MODULE: Mapping[str, Any] = {"name": "index.js", "contentType": JAVASCRIPT, "file": "modules/0"}
ASSET: Mapping[str, Any] = {
    "path": "/index.html",
    "hash": "0" * 32,
    "contentType": "text/html",
    "file": "assets/0",
    "size": 4,
}


def described(**changes: Any) -> dict[str, Any]:
    """Return an upload.json."""
    return {"version": 1, "metadata": METADATA, "modules": [MODULE], "assets": None, **changes}


def with_assets(*assets: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an upload.json of code and assets."""
    metadata = {**METADATA, "assets": {"config": {"html_handling": "none"}}}
    return described(metadata=metadata, assets=list(assets or (ASSET,)), **changes)


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return packed.getvalue()


def recording(told: Any = None, **files: bytes) -> bytes:
    """Return a packed recording; `modules_0` is the file modules/0."""
    content = {"modules_0": CODE, "assets_0": b"home", **files}
    whole = {"upload.json": json.dumps(described() if told is None else told).encode()}
    whole |= {name.replace("_", "/", 1): data for name, data in content.items()}
    return zipped(whole)
