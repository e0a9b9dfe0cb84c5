"""A script as it comes, part by part: modules into the bundle store, metadata read, and both made a bundle.

The way of every upload, whether an author's wrangler sends it or the recording of a fork's is read. Where the
assets are that it speaks of is for whoever reads it to say.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from app.cloudflare.gateway import metadata as metadata_rules
from app.cloudflare.gateway import modules as module_rules
from app.cloudflare.gateway.content import at_most
from app.cloudflare.gateway.metadata import Metadata
from app.cloudflare.gateway.modules import ModuleForm
from app.cloudflare.gateway.multipart import Part
from app.domain.bundles import Asset, Bundle, Module
from app.errors import InvalidInput, TooLarge
from app.ports import Bundles

_METADATA: Final = "metadata"


class IncomingScript:
    """What has come of one script so far."""

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles
        self._told: Mapping[str, Any] | None = None
        self._modules: dict[str, Module] = {}

    def take(self, part: Part) -> None:
        """Take the next part; what it holds is read and kept before this returns.

        Raises:
            InvalidInput: it cannot be part of a script.
            TooLarge: it, or all of them together, are too large or too many.
        """
        if part.name == _METADATA:
            self._told = _read(part)
        else:
            self._keep(part, module_rules.module_form(part))

    def metadata(self, provided: Collection[str]) -> Metadata:
        """Return what was said of the script, checked against what has come.

        `provided` are the names that the script's environment binds by itself.

        Raises:
            InvalidInput: something is wrong or missing.
        """
        if self._told is None:
            raise metadata_rules.refusal(["metadata: the part is missing"])
        types = {module.name: module.content_type for module in self._modules.values()}
        return metadata_rules.check_metadata(self._told, types, provided)

    def bundle(self, metadata: Metadata, assets: Iterable[Asset]) -> Bundle:
        """Return all of it."""
        return metadata.bundle(tuple(self._modules.values()), tuple(assets))

    def _keep(self, part: Part, form: ModuleForm) -> None:
        if form.is_source_map:
            return
        if form.name in self._modules:
            raise InvalidInput(
                f"reading the script: two modules are called {form.name}", code="upload:invalid-module"
            )
        if len(self._modules) == module_rules.MAXIMUM_MODULES:
            raise TooLarge(
                f"reading the script: it has more than {module_rules.MAXIMUM_MODULES} modules",
                code="upload:too-large",
            )
        sha256, size_bytes = self._bundles.write(at_most(self._left_bytes, part.content, "the script"))
        self._modules[form.name] = Module(form.name, form.content_type, sha256, size_bytes)

    @property
    def _left_bytes(self) -> int:
        """How much more code there may be."""
        return module_rules.MAXIMUM_BYTES - sum(module.size_bytes for module in self._modules.values())


def _read(part: Part) -> Mapping[str, Any]:
    raw = at_most(metadata_rules.MAXIMUM_BYTES, part.content, "the script's metadata")
    return metadata_rules.read_metadata(b"".join(raw))
