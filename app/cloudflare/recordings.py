"""Recordings of what a fork's wrangler would have uploaded, made a bundle by the rules of the gateway.

`actions_templates/record.mjs` writes them: `upload.json` says what there is, modules and assets are files of
their own. Somebody else's program may have written this one, so that nothing in it is believed.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from app.cloudflare.archives import MAXIMUM_PACKED_BYTES, Archive, malformed
from app.cloudflare.gateway.assets import asset_type, invalid_asset, keep_asset
from app.cloudflare.gateway.content import at_most
from app.cloudflare.gateway.documents import read_object
from app.cloudflare.gateway.manifest import Manifest
from app.cloudflare.gateway.multipart import Part
from app.cloudflare.gateway.scripts import IncomingScript
from app.domain.bundles import Asset, Bundle, KnownAsset
from app.ports import Bundles

_DESCRIPTION: Final = "upload.json"
_DESCRIPTION_BYTES: Final = 16 * 1024 * 1024
_NAMES: Final = re.compile(rf"{re.escape(_DESCRIPTION)}|(?:modules|assets)/[0-9]{{1,6}}")
_TOLD_PROBLEMS: Final = 3
# Stands where an upload has the token that closes its assets.
_CLOSED: Final = "recorded"


class CloudflareRecordings:
    """Port `Recordings`."""

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles

    def read(self, packed: Iterable[bytes], provided: Collection[str]) -> Bundle:
        """Check a recording as every upload is checked, keep its bytes and return what it is made of."""
        with TemporaryFile() as file:
            for piece in at_most(MAXIMUM_PACKED_BYTES, packed, "the artifact"):
                file.write(piece)
            return _bundle(Archive(file, _NAMES), self._bundles, provided)


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class _Module(_Described):
    name: str
    content_type: str
    file: str


class _Asset(_Described):
    path: str
    hash: str
    content_type: str | None
    file: str
    size: int


class _Recorded(_Described):
    """All that was recorded; `assets` is None for code alone."""

    version: Literal[1]
    metadata: dict[str, Any]
    modules: list[_Module]
    assets: list[_Asset] | None

    @classmethod
    def of(cls, archive: Archive) -> "_Recorded":
        raw = b"".join(at_most(_DESCRIPTION_BYTES, archive.chunks(_DESCRIPTION), _DESCRIPTION))
        try:
            return cls.model_validate(read_object(raw, _DESCRIPTION))
        except ValidationError as error:
            raise malformed("; ".join(_problems(error))) from None

    def metadata_part(self) -> Part:
        """Return the metadata as it would have been uploaded."""
        told = dict(self.metadata)
        if isinstance(told.get("assets"), dict):
            if self.assets is None:
                raise malformed(f"{_DESCRIPTION}: the script has assets, and none are listed")
            told["assets"] = {**told["assets"], "jwt": _CLOSED}
        return Part("metadata", None, None, iter([json.dumps(told).encode()]))


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False)[:_TOLD_PROBLEMS]:
        place = ".".join(map(str, problem["loc"]))
        yield f"{_DESCRIPTION}: {place[:80]}: {problem['msg'][:200]}"


def _bundle(archive: Archive, bundles: Bundles, provided: Collection[str]) -> Bundle:
    recorded, script = _Recorded.of(archive), IncomingScript(bundles)
    script.take(recorded.metadata_part())
    for module in recorded.modules:
        script.take(Part(module.name, None, module.content_type, archive.chunks(module.file)))
    metadata = script.metadata(provided)
    if metadata.assets_token is None:
        return script.bundle(metadata, ())
    return script.bundle(metadata, _assets(recorded.assets or (), archive, bundles))


def _assets(listed: Sequence[_Asset], archive: Archive, bundles: Bundles) -> Iterator[Asset]:
    """Yield the files, each of which is read once, however many paths it has."""
    told = {it.path: {"hash": it.hash, "size": it.size} for it in listed}
    if len(told) < len(listed):
        raise malformed(f"{_DESCRIPTION}: a path is listed twice")
    Manifest.of(told)
    kept = dict[str, KnownAsset]()
    for it in listed:
        if it.file not in kept:
            kept[it.file] = keep_asset(it.path, None, archive.chunks(it.file), it.size, bundles)
        elif kept[it.file].size_bytes != it.size:
            raise invalid_asset(it.path, f"{it.size} bytes were announced, {kept[it.file].size_bytes} came")
        known = kept[it.file]
        yield Asset(it.path, known.sha256, known.size_bytes, asset_type(it.path, it.content_type))
