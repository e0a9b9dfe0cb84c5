"""Forms (multipart/form-data) that are sent as they are made: no file is ever whole in memory.

The length is known beforehand, so that nothing has to be sent in chunks. What a part is called may come from
an app's author: a line end or a quote in it does not end the header it stands in.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

_CHUNKS = Callable[[], Iterator[bytes]]
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"]')


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a form; `chunks` gives its `size_bytes` bytes."""

    name: str
    content_type: str
    size_bytes: int
    chunks: _CHUNKS

    def header(self) -> bytes:
        """Return what stands before the content."""
        name, content_type = _quoted(self.name), _quoted(self.content_type)
        return (
            f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        ).encode()


@dataclass(frozen=True, slots=True)
class Form:
    """Parts in order; it may be sent more than once."""

    parts: Sequence[Part]
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def headers(self) -> dict[str, str]:
        """Return type and length of the body."""
        size_bytes = sum(len(self._opening(part)) + part.size_bytes for part in self.parts)
        return {
            "Content-Type": f"multipart/form-data; boundary={self.boundary}",
            "Content-Length": str(size_bytes + len(self._end())),
        }

    def body(self) -> Iterator[bytes]:
        """Yield the body."""
        for part in self.parts:
            yield self._opening(part)
            yield from part.chunks()
        yield self._end()

    def _opening(self, part: Part) -> bytes:
        separator = "" if part is self.parts[0] else "\r\n"
        return f"{separator}--{self.boundary}\r\n".encode() + part.header()

    def _end(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


def part_of(name: str, content_type: str, content: bytes) -> Part:
    """Return a part whose content is at hand."""
    return Part(name, content_type, len(content), lambda: iter([content]))


def _quoted(text: str) -> str:
    # https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    return _UNSAFE.sub(lambda it: f"%{ord(it[0]):02X}", text)
