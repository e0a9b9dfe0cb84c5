"""A form (multipart/form-data) read part by part: nothing is held but the piece that came last.

What a part may be called and how large it may be is for whoever reads it to say.
"""

# https://www.rfc-editor.org/rfc/rfc7578

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import Malformed

_LONGEST_BOUNDARY: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `content` is read once, before the next part is asked for."""

    name: str
    filename: str | None
    content_type: str | None
    content: Iterator[bytes]


def boundary_of(content_type: str) -> bytes:
    """Return what separates the parts, from the header of the request.

    Raises:
        Malformed: the body is not a form.
    """
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise Malformed("reading a form: send multipart/form-data with a boundary", code="upload:malformed")
    return boundary


def read_parts(boundary: bytes, body: Iterable[bytes]) -> Iterator[Part]:
    """Yield the parts of a body; what a reader leaves of one is skipped.

    Raises:
        Malformed: it is not a form, or it ends before its last boundary.
    """
    events = _Events(boundary, body)
    while events.take() is not _Kind.END:
        part = _part(events)
        yield part
        deque(part.content, maxlen=0)


def _part(events: "_Events") -> Part:
    """Return the part that has just begun."""
    headers = _headers(events)
    disposition, options = parse_options_header(headers.get("content-disposition", b""))
    if disposition != b"form-data" or b"name" not in options:
        raise Malformed("reading a form: a part has no name", code="upload:malformed")
    filename, content_type = options.get(b"filename"), headers.get("content-type")
    return Part(
        name=_text(options[b"name"]),
        filename=None if filename is None else _text(filename),
        content_type=None if content_type is None else _text(content_type),
        content=_content(events),
    )


def _headers(events: "_Events") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    name, value = b"", b""
    while (kind := events.take()) is not _Kind.HEADERS_END:
        if kind is _Kind.HEADER_NAME:
            name += events.data
        elif kind is _Kind.HEADER_VALUE:
            value += events.data
        else:
            found[name.decode("latin-1").lower()] = value
            name, value = b"", b""
    return found


def _content(events: "_Events") -> Iterator[bytes]:
    while events.take() is not _Kind.PART_END:
        yield events.data


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("reading a form: a part's header is not UTF-8", code="upload:malformed") from None


class _Kind(Enum):
    """What the parser came upon."""

    PART_BEGIN = auto()
    HEADER_NAME = auto()
    HEADER_VALUE = auto()
    HEADER_END = auto()
    HEADERS_END = auto()
    DATA = auto()
    PART_END = auto()
    END = auto()


class _Events:
    """What is in the body, in order; the parser, which calls back, is fed when nothing is left to take."""

    def __init__(self, boundary: bytes, body: Iterable[bytes]) -> None:
        self.data = b""
        self._body = iter(body)
        self._waiting: deque[tuple[_Kind, bytes]] = deque()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: self._add(_Kind.PART_BEGIN),
                "on_header_field": lambda data, start, end: self._add(_Kind.HEADER_NAME, data[start:end]),
                "on_header_value": lambda data, start, end: self._add(_Kind.HEADER_VALUE, data[start:end]),
                "on_header_end": lambda: self._add(_Kind.HEADER_END),
                "on_headers_finished": lambda: self._add(_Kind.HEADERS_END),
                "on_part_data": lambda data, start, end: self._add(_Kind.DATA, data[start:end]),
                "on_part_end": lambda: self._add(_Kind.PART_END),
                "on_end": lambda: self._add(_Kind.END),
            },
        )

    def take(self) -> _Kind:
        """Return what comes next; its bytes are in `data`."""
        while not self._waiting:
            self._feed()
        kind, self.data = self._waiting.popleft()
        return kind

    def _feed(self) -> None:
        piece = next(self._body, None)
        if piece is None:
            raise Malformed("reading a form: it ends in the middle", code="upload:malformed")
        try:
            self._parser.write(piece)
        except FormParserError:
            raise Malformed("reading a form: it is not well-formed", code="upload:malformed") from None

    def _add(self, kind: _Kind, data: bytes = b"") -> None:
        self._waiting.append((kind, data))
