"""The bytes of one file as they come: base64 undone, and cut off where more comes than was announced."""

import binascii
from collections.abc import Iterable, Iterator

from app.errors import InvalidInput, TooLarge


def decoded(text: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what base64 text stands for, without ever holding more than a piece of it.

    Raises:
        InvalidInput: it is not base64, or is not whole.
    """
    rest, is_padded = b"", False
    for piece in text:
        rest += piece
        whole = len(rest) - len(rest) % 4
        if whole and is_padded:
            raise _not_base64()
        quartets, rest = rest[:whole], rest[whole:]
        is_padded = is_padded or quartets.endswith(b"=")
        yield _decode(quartets)
    if rest:
        raise _not_base64()


def at_most(limit_bytes: int, content: Iterable[bytes], what: str) -> Iterator[bytes]:
    """Yield `content` as it comes.

    Raises:
        TooLarge: at the byte after `limit_bytes`; `what` names it.
    """
    left = limit_bytes
    for piece in content:
        left -= len(piece)
        if left < 0:
            raise TooLarge(f"reading {what}: it is larger than {limit_bytes} bytes", code="upload:too-large")
        yield piece


def _decode(quartets: bytes) -> bytes:
    try:
        return binascii.a2b_base64(quartets, strict_mode=True)
    except binascii.Error:
        raise _not_base64() from None


def _not_base64() -> InvalidInput:
    return InvalidInput("reading an asset: it is not valid base64", code="upload:invalid-base64")
