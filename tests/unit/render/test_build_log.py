"""The log of a build as a page shows it: whatever is written there, it is text."""

import pytest

from app.render.build_log import Excerpt, Group, Line, Piece, excerpt

TIME = "2026-11-22T12:00:01.1234567Z"


def lines_of(found: Excerpt) -> list[Line]:
    return [
        line for it in found.entries for line in ([it.head, *it.lines] if isinstance(it, Group) else [it])
    ]


def only(log: str) -> Line:
    (line,) = lines_of(excerpt(log))
    return line


def text_of(line: Line) -> str:
    return "".join(piece.text for piece in line.pieces)


def test_a_line_has_its_number_its_time_and_its_text() -> None:
    first, second = lines_of(excerpt(f"\ufeff{TIME} hello\n{TIME} \n"))
    assert (first.number, first.at, text_of(first)) == (1, "2026-11-22T12:00:01Z", "hello")
    assert (second.number, text_of(second)) == (2, "")


def test_a_line_without_a_time_is_one_too() -> None:
    assert (only("hello").at, text_of(only("hello"))) == (None, "hello")


@pytest.mark.parametrize(
    ("written", "pieces"),
    [
        ("\x1b[31mred\x1b[0m plain", [Piece("red", "ansi-red"), Piece(" plain")]),
        ("\x1b[1;4;92mnew\x1b[m", [Piece("new", "ansi-bold ansi-underline ansi-green")]),
        ("\x1b[38;5;196mred\x1b[39m", [Piece("red", "ansi-red")]),
        ("\x1b[38;2;10;200;10mgreen\x1b[0m", [Piece("green", "ansi-green")]),
        ("\x1b[90mgrey\x1b[0m", [Piece("grey", "ansi-grey")]),
        ("\x1b[41;97mloud\x1b[0m", [Piece("loud", "ansi-white ansi-on-red")]),
        ("\x1b[2K\x1b[1Gdone", [Piece("done")]),
        ("10 %\r50 %\r100 %", [Piece("100 %")]),
        ("\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\", [Piece("click")]),
    ],
)
def test_escape_sequences_are_styles_or_nothing(written: str, pieces: list[Piece]) -> None:
    assert only(f"{TIME} {written}").pieces == pieces


def test_a_colour_lasts_until_it_ends() -> None:
    first, second = lines_of(excerpt("\x1b[31mred\n still\x1b[0m"))
    assert first.pieces == [Piece("red", "ansi-red")]
    assert second.pieces in ([Piece(" still", "ansi-red")], [Piece(" still")])


def test_what_is_hidden_is_told() -> None:
    line = only("user\u202egnp.exe\u2066\x07\0")
    assert [piece.text for piece in line.pieces if piece.styles == "sign"] == [
        "U+202E",
        "U+2066",
        "U+0007",
        "U+0000",
    ]
    assert "\u202e" not in text_of(line)


def test_markup_is_text() -> None:
    assert text_of(only("<script>alert(1)</script>")) == "<script>alert(1)</script>"


def test_a_line_without_end_is_cut_and_says_so() -> None:
    line = only("x" * 30_000)
    assert text_of(line).endswith("(10000 more characters)")
    assert len(text_of(only("x" * 10_000))) == 10_000


def test_groups_are_folded_and_open_where_something_went_wrong() -> None:
    log = [
        "before",
        "##[group]Run npm ci",
        "npm ci",
        "##[endgroup]",
        "added 12",
        "##[group]Run it",
        "##[error]It broke",
        "##[group]Never closed",
        "[command]/usr/bin/git version",
    ]
    found = excerpt("\n".join(f"{TIME} {line}" for line in log) + "\n")
    kinds = [it.head.pieces[0].text if isinstance(it, Group) else it.mark for it in found.entries]
    assert kinds == ["", "Run npm ci", "", "Run it", "Never closed"]
    groups = [it for it in found.entries if isinstance(it, Group)]
    assert [group.is_open for group in groups] == [False, True, False]
    assert groups[2].lines[0].mark == "command"
    assert groups[1].lines[0].mark == "error"
    assert text_of(groups[1].lines[0]) == "It broke"


def test_a_long_log_is_shown_from_its_end_and_from_anywhere() -> None:
    log = "".join(f"line {number}\n" for number in range(1, 101))
    last = excerpt(log, most=10)
    assert (last.first, last.last, last.total) == (91, 100, 100)
    assert [line.number for line in lines_of(last)] == list(range(91, 101))
    first = excerpt(log, 1, most=10)
    assert (first.first, first.last) == (1, 10)
    assert text_of(lines_of(first)[0]) == "line 1"
    assert excerpt(log, 10_000, most=10).first == 91


def test_nothing_is_nothing() -> None:
    assert excerpt("") == Excerpt([], 1, 0, 0)
