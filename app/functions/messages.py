"""What esbuild says on standard error, read without I/O.

    ✘ [ERROR] Expected "}" but found "1"

        bad.ts:2:9:
          2 │   return 1
            │          ^
            ╵          }

Its columns count bytes from 0; ours count characters from 1. What it says of files that are not the author's
is not passed on: it quotes them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from app.ports import Problem

_MESSAGE: Final = re.compile(r"\S+ \[ERROR\] (?P<text>.*?)(?: \[(?P<id>[a-z-]+)\])?")
_PLACE: Final = re.compile(r" {4}(?P<file>\S.*):(?P<line>[0-9]+):(?P<column>[0-9]+):")
_REEXPORT: Final = re.compile(r'Re-export of ("[^"]*") in .*')
_LONGEST: Final = 500


def problems(said: str, texts: Mapping[str, str]) -> list[Problem]:
    """Return the errors among what was said about an author's files, whose `texts` are given by path."""
    return [_problem(lines, texts) for lines in _messages(said)]


def _messages(said: str) -> Iterator[list[str]]:
    """Yield the lines of each error, its first one first."""
    message: list[str] = []
    for line in said.splitlines():
        if line[:1].strip():  # every message begins at the margin, and nothing else does
            if message:
                yield message
            message = [line] if _MESSAGE.fullmatch(line) else []
        elif message:
            message.append(line)
    if message:
        yield message


def _problem(lines: list[str], texts: Mapping[str, str]) -> Problem:
    first = _MESSAGE.fullmatch(lines[0])
    text = first["text"][:_LONGEST] if first else ""
    places = [place for line in lines[1:] if (place := _PLACE.fullmatch(line))]
    if any(place["file"] not in texts for place in places):
        return Problem("it leads to something that is not among the files")
    if not places:
        return Problem(text)
    place = places[0]
    line = int(place["line"])
    column = _column(texts[place["file"]], line, int(place["column"]))
    return Problem(_plain(text, [it["file"] for it in places]), place["file"], line, column)


def _plain(text: str, files: list[str]) -> str:
    """Say in our words what esbuild says about a module that is ours."""
    reexport = _REEXPORT.fullmatch(text)
    if reexport is None:
        return text
    return f"{reexport[1]} is exported by {' and by '.join(files)}: give one of them another name"


def _column(text: str, line: int, column_bytes: int) -> int:
    lines = text.split("\n")
    before = lines[line - 1].encode()[:column_bytes] if line <= len(lines) else b""
    return len(before.decode(errors="ignore")) + 1
