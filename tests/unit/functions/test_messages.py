"""What esbuild says, read from saved text."""

from app.functions.messages import problems
from app.ports import Problem

SAID = """\
▲ [WARNING] Converting "require" to "esm" is currently not supported [unsupported-require-call]

    c.ts:5:10:
      5 │ const w = require("fs");
        ╵           ~~~~~~~

✘ [ERROR] Expected "}" but found "1"

    lib/größe.ts:2:9:
      2 │   return 1
        │          ^
        ╵          }

✘ [ERROR] Could not resolve "./b\\nc"

    c.ts:1:7:
      1 │ import "./b"
        ╵        ~~~~~

✘ [ERROR] Something about everything [some-id]

2 errors
"""
TEXTS = {"c.ts": 'import "./b"', "lib/größe.ts": "function f(\n  üü 1234\n"}


def test_errors_are_read_with_their_places_and_warnings_are_not() -> None:
    assert problems(SAID, TEXTS) == [
        Problem('Expected "}" but found "1"', "lib/größe.ts", 2, 8),
        Problem('Could not resolve "./b\\nc"', "c.ts", 1, 8),
        Problem("Something about everything"),
    ]


def test_what_is_said_of_other_files_is_not_passed_on() -> None:
    said = '✘ [ERROR] Expected ";" but found "horse"\n\n    ../../secret.js:1:8:\n      1 │ correct horse\n'
    (problem,) = problems(said, TEXTS)
    assert "horse" not in problem.message
    assert problem.file is None


def test_a_line_of_code_that_looks_like_a_message_is_none() -> None:
    said = "✘ [ERROR] First\n\n    c.ts:1:0:\n      1 │ ✘ [ERROR] Second\n        ╵ ^\n\n1 error\n"
    assert problems(said, TEXTS) == [Problem("First", "c.ts", 1, 1)]


def test_a_place_behind_the_end_of_a_file_is_its_last() -> None:
    said = "✘ [ERROR] Unexpected end of file\n\n    c.ts:9:400:\n"
    assert problems(said, TEXTS) == [Problem("Unexpected end of file", "c.ts", 9, 1)]


def test_nothing_is_read_from_nothing() -> None:
    assert problems("", TEXTS) == []
    assert problems("panic: runtime error\n\ngoroutine 1 [running]:\n", TEXTS) == []
