"""A zip from somebody whom nobody trusts: its names are ours, its sizes are counted, each byte once.

It is read in memory-sized pieces and never unpacked to a disk, so that no name in it means a place. Only what
our workflow makes is taken: no archive of more than one part, none of 64 bits, nothing in front or behind.
"""

# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from app.errors import InvalidInput, TooLarge

MAXIMUM_PACKED_BYTES: Final = 64 * 1024 * 1024
MAXIMUM_BYTES: Final = 100 * 1024 * 1024
MAXIMUM_ENTRIES: Final = 20_000
# An entry takes 46 bytes and its name. The reader of zips goes by this size, not by the number that is told.
_DIRECTORY_BYTES: Final = 100 * MAXIMUM_ENTRIES
_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\x05\x06"
_LOCATOR_BYTES: Final = 20
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
_ENCRYPTED: Final = 0x1
_PIECE_BYTES: Final = 64 * 1024
# What the reader of zips raises of bytes that are none.
_BROKEN: Final = (BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error)


class Archive:
    """The files of a zip, each of which is called as `allowed` says."""

    def __init__(self, file: IO[bytes], allowed: re.Pattern[str]) -> None:
        """Read what is in it.

        Raises:
            InvalidInput: it is no zip, or has what none of ours has.
            TooLarge: it has too many files.
        """
        _check_end(file)
        with _telling():
            self._zip = ZipFile(file)
        self._left_bytes = MAXIMUM_BYTES
        self._entries: dict[str, ZipInfo] = {}
        for entry in self._zip.infolist():
            _check(entry, allowed)
            if entry.filename in self._entries:
                raise malformed(f"it has two files called {entry.filename}")
            self._entries[entry.filename] = entry

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield what a file holds; all that is ever read of one archive counts together.

        Raises:
            InvalidInput: there is no such file, or it is damaged.
            TooLarge: it is more than any archive may hold.
        """
        if name not in self._entries:
            raise malformed(f"it has no file {name[:80]!r}")
        with _telling():
            file = self._zip.open(self._entries[name])
        with file:
            while piece := _next(file):
                self._left_bytes -= len(piece)
                if self._left_bytes < 0:
                    raise _too_large(f"it holds more than {MAXIMUM_BYTES} bytes")
                yield piece


def malformed(problem: str) -> InvalidInput:
    """Return the error that a run's artifact is not what our workflow makes."""
    return InvalidInput(f"reading the artifact: {problem}", code="artifact:malformed")


def _too_large(problem: str) -> TooLarge:
    return TooLarge(f"reading the artifact: {problem}", code="artifact:too-large")


def _check_end(file: IO[bytes]) -> None:
    """Check the last record, before anything of the size that it tells is read."""
    size = file.seek(0, SEEK_END)
    tail = _tail(file, size, _END.size)
    if len(tail) < _END.size:
        raise malformed("it is no zip archive")
    signature, *disks, here, entries, directory_bytes, offset, comment = _END.unpack(tail)
    locator = _tail(file, size, _END.size + _LOCATOR_BYTES)[: len(_LOCATOR_SIGNATURE)]
    is_plain = signature == _END_SIGNATURE and not any(disks) and comment == 0
    if not is_plain or locator == _LOCATOR_SIGNATURE or offset + directory_bytes + _END.size != size:
        raise malformed("it is no zip archive as our workflow makes them")
    if max(here, entries) > MAXIMUM_ENTRIES or directory_bytes > _DIRECTORY_BYTES:
        raise _too_large(f"it has more than {MAXIMUM_ENTRIES} files")


def _tail(file: IO[bytes], size: int, length: int) -> bytes:
    file.seek(max(0, size - length))
    return file.read(length)


def _check(entry: ZipInfo, allowed: re.Pattern[str]) -> None:
    name = entry.orig_filename
    if not allowed.fullmatch(name):
        raise malformed(f"it has a file {name[:80]!r}, which our workflow does not make")
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise malformed(f"{name} is no regular file")
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise malformed(f"{name} is not packed as our workflow does it")


def _next(file: IO[bytes]) -> bytes:
    with _telling():
        return file.read(_PIECE_BYTES)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except _BROKEN:
        raise malformed("it is damaged") from None
