"""One static file as it comes: as many bytes as were announced, of a type that a header can say.

What was announced, and what is known already, is not known here.
"""

from collections.abc import Iterable
from typing import Final

from app.cloudflare.gateway.content import at_most
from app.domain.bundles import KnownAsset
from app.errors import InvalidInput
from app.ports import Bundles

_LONGEST_TYPE: Final = 200
# What wrangler says of a file whose type it does not know.
_NO_TYPE: Final = "application/null"


def keep_asset(
    name: str, content_type: str | None, content: Iterable[bytes], size_bytes: int, bundles: Bundles
) -> KnownAsset:
    """Put one file into the store as it comes; `name` is what errors call it.

    Raises:
        InvalidInput: it is shorter than was announced, or its type is malformed.
        TooLarge: it is longer.
    """
    kind = asset_type(name, content_type)
    sha256, received = bundles.write(at_most(size_bytes, content, f"asset {name[:80]}"))
    if received != size_bytes:
        raise invalid_asset(name, f"{size_bytes} bytes were announced, {received} came")
    return KnownAsset(sha256, size_bytes, kind)


def asset_type(name: str, told: str | None) -> str | None:
    """Return a file's type; None leaves it to the platform. Raises InvalidInput."""
    if told is None or told == _NO_TYPE:
        return None
    if len(told) > _LONGEST_TYPE or not (told.isascii() and told.isprintable()):
        raise invalid_asset(name, "its content type is malformed")
    return told


def invalid_asset(name: str, problem: str) -> InvalidInput:
    """Return the error that there is something wrong with a file."""
    return InvalidInput(f"uploading asset {name[:80]!r}: {problem}", code="upload:invalid-asset")
