"""Which imports lead out of an author's files."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.functions.imports import is_relative, outside

PARTS = st.sampled_from(["..", ".", "a", "b.ts", ""])


@pytest.mark.parametrize(
    ("path", "specifier"),
    [
        ("index.ts", "./b"),
        ("lib/a.ts", "../b"),
        ("lib/deep/a.ts", "../../b"),
        ("lib/a.ts", ".."),
        ("index.ts", "."),
        ("index.ts", "node:util"),
        ("index.ts", "cloudflare:sockets"),
    ],
)
def test_imports_that_stay_inside_are_fine(path: str, specifier: str) -> None:
    assert not list(outside(path, "", [specifier]))


@pytest.mark.parametrize(
    ("path", "specifier"),
    [
        ("index.ts", "../b"),
        ("index.ts", ".."),
        ("lib/a.ts", "../../b"),
        ("lib/a.ts", "./../../lib/a"),
        ("index.ts", "/etc/hostname"),
        ("index.ts", "C:\\windows"),
        ("index.ts", "file:///etc/hostname"),
        ("index.ts", "https://code.example/x.js"),
        ("index.ts", "//code.example/x.js"),
        ("index.ts", "data:text/javascript,1"),
        ("index.ts", "lodash"),
        ("index.ts", "@scope/package/../../../etc"),
        ("index.ts", "#inside"),
        ("index.ts", ""),
    ],
)
def test_imports_that_lead_outside_are_told(path: str, specifier: str) -> None:
    (problem,) = outside(path, f'import "{specifier}"', [specifier, specifier])
    assert (problem.file, problem.line, problem.column) == (path, 1, 8)


@given(st.lists(PARTS, max_size=8), st.lists(st.sampled_from(["a", "b"]), max_size=3))
def test_whatever_is_relative_and_allowed_lies_inside(parts: list[str], folders: list[str]) -> None:
    path, specifier = "/".join([*folders, "x.ts"]), "/".join(["..", *parts])
    assert is_relative(specifier)
    place = posixpath.normpath(posixpath.join("/root", posixpath.dirname(path), specifier))
    is_allowed = not list(outside(path, "", [specifier]))
    assert not is_allowed or place == "/root" or place.startswith("/root/")


@given(st.text(max_size=30), st.text(max_size=60))
def test_a_place_is_found_or_not_and_never_fails(specifier: str, text: str) -> None:
    for problem in outside("index.ts", text, [specifier]):
        assert (problem.line is None) == (problem.column is None)


def test_of_several_places_the_one_behind_a_keyword_is_told() -> None:
    text = '// not "lodash"\nconst a = "lodash";\nexport * from\n  "lodash";\n'
    (problem,) = outside("index.ts", text, ["lodash"])
    assert (problem.line, problem.column) == (4, 3)
