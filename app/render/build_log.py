"""What a workflow run wrote, as lines that a page can show: numbers, times, colours, groups.

Pure: text in, values out. Nothing of a log is trusted: every piece is text, escape sequences become names of
styles or nothing, and what would turn the text around it, or hide in it, is told by its name.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from rich.ansi import AnsiDecoder
from rich.color import Color, ColorSystem
from rich.style import Style
from rich.text import Text

MOST_LINES: Final = 5000
_MOST_CHARACTERS: Final = 20_000
_TIMED: Final = re.compile(r"\ufeff?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z ?")
_MARK: Final = re.compile(r"(?:##)?\[(group|endgroup|error|warning|notice|debug|command|section|job)\]")
_ENDS: Final = frozenset({"group", "endgroup", "job"})
_LOUD: Final = frozenset({"error"})
# Control characters but tabs and ends of lines, and marks that turn the text around them around, or have no
# width; but for those that join emoji.
_HIDDEN: Final = re.compile(
    "([\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff])"
)
_COLOURS: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_GREY: Final = 8
_ESCAPE: Final = "\x1b"
_SIGN: Final = "sign"


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one look: names of styles, such as `ansi-red`, with spaces between them."""

    text: str
    styles: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line by its number in the whole log; `at` is when it was written, `mark` what kind of line it is."""

    number: int
    at: str | None
    mark: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that are folded below the first one; open when something in them went wrong."""

    head: Line
    lines: list[Line] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Something in it went wrong."""
        return any(line.mark in _LOUD for line in self.lines)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a log of `total` lines: those from number `first` to number `last`."""

    entries: Sequence[Line | Group]
    first: int
    last: int
    total: int


def excerpt(log: str, first: int | None = None, most: int = MOST_LINES) -> Excerpt:
    """Return the lines of a log from number `first` on, or its last ones; at most so many."""
    raw = log.removesuffix("\n").split("\n") if log else []
    last_page = max(0, len(raw) - most)
    start = last_page if first is None else min(max(first - 1, 0), last_page)
    lines = list(islice(_lines(raw, start), most))
    return Excerpt(_grouped(lines), start + 1, start + len(lines), len(raw))


def visible(text: str) -> Sequence[Piece]:
    """Return text as pieces, in which what cannot be seen is told by its code."""
    return list(_told(Piece(text.replace("\r\n", "\n"))))


def _lines(raw: Sequence[str], start: int) -> Iterator[Line]:
    decoder = AnsiDecoder()
    for number, line in enumerate(raw[start:], start + 1):
        yield _line(number, line, decoder)


def _line(number: int, line: str, decoder: AnsiDecoder) -> Line:
    timed = _TIMED.match(line)
    text = line[timed.end() :] if timed else line
    marked = _MARK.match(text)
    shown = text[marked.end() :] if marked else text
    if len(shown) > _MOST_CHARACTERS:
        shown = f"{shown[:_MOST_CHARACTERS]}… ({len(shown) - _MOST_CHARACTERS} more characters)"
    return Line(
        number, f"{timed[1]}Z" if timed else None, marked[1] if marked else "", _pieces(shown, decoder)
    )


def _pieces(text: str, decoder: AnsiDecoder) -> Sequence[Piece]:
    """Return text with its escape sequences made into styles; those of a terminal's cursor are left out."""
    text = text.rstrip("\r").rpartition("\r")[2]
    styled = _styled(decoder.decode_line(text)) if _ESCAPE in text else [Piece(text)] if text else []
    return [told for piece in styled for told in _told(piece)]


def _styled(text: Text) -> Iterator[Piece]:
    end = 0
    for span in text.spans:
        if span.start > end:
            yield Piece(text.plain[end : span.start])
        yield Piece(text.plain[span.start : span.end], _names(span.style))
        end = span.end
    if end < len(text.plain):
        yield Piece(text.plain[end:])


def _told(piece: Piece) -> Iterator[Piece]:
    """Yield a piece with what cannot be seen in it told by its code."""
    for index, part in enumerate(_HIDDEN.split(piece.text)):
        if index % 2:
            yield Piece(f"U+{ord(part):04X}", _SIGN)
        elif part:
            yield Piece(part, piece.styles)


def _names(style: str | Style) -> str:
    if isinstance(style, str):  # Defensive: the decoder gives values
        return ""
    flags = {
        "bold": style.bold,
        "dim": style.dim,
        "italic": style.italic,
        "underline": style.underline,
        "strike": style.strike,
        "reverse": style.reverse,
    }
    names = [name for name, is_set in flags.items() if is_set]
    names += [_colour(style.color)] if style.color else []
    names += [f"on-{_colour(style.bgcolor)}"] if style.bgcolor else []
    return " ".join(f"ansi-{name}" for name in names if name not in {"", "on-"})


def _colour(colour: Color) -> str:
    """Return the one of the eight, or grey, that comes nearest; nothing for what a terminal has by itself."""
    number = colour.downgrade(ColorSystem.STANDARD).number
    if number is None:
        return ""
    return "grey" if number == _GREY else _COLOURS[number % len(_COLOURS)]


def _grouped(lines: Sequence[Line]) -> Sequence[Line | Group]:
    found: list[Line | Group] = []
    group: Group | None = None
    for line in lines:
        if line.mark in _ENDS:
            group = None
        if line.mark == "group":
            group = Group(line)
            found.append(group)
        elif group is not None:
            group.lines.append(line)
        elif line.mark != "endgroup":
            found.append(line)
    return found
