"""Files that a caller gives: into the repository, and nowhere else."""

import base64
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.pipeline.generate import (
    MAXIMUM_FILE_BYTES,
    MAXIMUM_FILES,
    MAXIMUM_TOTAL_BYTES,
    GivenFile,
    check_files,
    check_path,
    merge,
)
from app.ports import File

REFUSED = {
    "nothing": "",
    "absolute": "/etc/passwd",
    "climbing": "../x",
    "climbing inside": "a/../../x",
    "climbing at the end": "a/..",
    "climbing into workflows": "a/../../.github/workflows/x.yml",
    "dot": "./a",
    "only a dot": ".",
    "empty part": "a//b",
    "folder": "a/",
    "git": ".git",
    "in git": ".git/config",
    "git inside": "vendor/lib/.git/hooks/post-checkout",
    "git in capitals": ".GIT/config",
    "git in mixed case": "a/.GiT/config",
    "git with a dot": ".git./config",
    "git with a space": ".git /config",
    "git with dots and spaces": ".git . ./config",
    "git by its short name": "git~1/config",
    "git by its short name in capitals": "GIT~1/config",
    "git as an NTFS stream": ".git::$INDEX_ALLOCATION/config",
    "git as an NTFS stream inside": "a/.git::$INDEX_ALLOCATION/config",
    "git with an ignored character": ".g\u200cit/config",
    "workflows": ".github/workflows/x.yml",
    "workflows in capitals": ".GitHub/workflows/x.yml",
    "workflows with a dot": ".github./workflows/x.yml",
    "only .github": ".github",
    "drive": "C:/x",
    "drive with a backslash": "C:\\x",
    "backslash": "a\\b",
    "climbing with backslashes": "..\\x",
    "NUL": "a\0b",
    "newline": "a\nb",
    "tab": "a\tb",
    "delete": "a\x7fb",
    "right-to-left override": "a\u202etxt.js",
    "right-to-left mark": "a\u200fb",
    "zero-width space": "a\u200bb",
    "byte order mark": "\ufeffa",
    "line separator": "a\u2028b",
    "lone surrogate": "a\ud800b",
    "too long": "a" * 256,
    "too long in bytes": "ü" * 128,
}


@pytest.mark.parametrize("path", REFUSED.values(), ids=REFUSED.keys())
def test_a_path_that_leaves_its_place_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_path(path)
    assert refused.value.error_code == "app:invalid-files"
    assert len(refused.value.message) < 600


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "src/main.ts",
        ".gitignore",
        ".gitattributes",
        "a/.github/x",
        ".githubber/x",
        "git/x",
        "%2e%2e/x",
        "...",
        "..a/b",
        "ümlaut/日本.txt",
        "a b/c d",
        "-rf",
        "a" * 255,
    ],
)
def test_a_plain_path_is_taken_as_it_is(path: str) -> None:
    assert check_path(path) == path


@given(st.text(max_size=30) | st.from_regex(r"[.a-gitGIT~/\\ ]{1,20}", fullmatch=True))
def test_no_path_leaves_the_repository(path: str) -> None:
    try:
        checked = check_path(path)
    except InvalidInput:
        return
    parts = PurePosixPath("/root", checked).parts
    assert checked == path
    assert str(PurePosixPath(*parts[2:])) == path
    folded = [part.rstrip(". ").casefold() for part in parts[2:]]
    assert not {"", ".", "..", ".git", "git~1"} & set(folded) - {""}
    assert folded[0] != ".github"
    assert checked.isprintable()


@given(st.binary(max_size=200))
def test_content_arrives_as_it_was_given(content: bytes) -> None:
    encoded = base64.b64encode(content).decode()
    assert check_files([GivenFile("a", encoded, "base64")]) == [File("a", content)]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_text_is_written_as_utf_8(text: str) -> None:
    assert check_files([GivenFile("a", text)]) == [File("a", text.encode())]


@pytest.mark.parametrize("content", ["a", "a===", "ü", "a b=", "YQ=", "Y\nQ=="])
def test_what_is_not_base64_is_refused(content: str) -> None:
    with pytest.raises(InvalidInput, match="'a' is not base64"):
        check_files([GivenFile("a", content, "base64")])


def test_half_a_character_is_not_text() -> None:
    with pytest.raises(InvalidInput, match="'a' is not text"):
        check_files([GivenFile("a", "\ud800")])


def test_a_path_is_given_once() -> None:
    with pytest.raises(InvalidInput, match="'a/b' is given twice"):
        check_files([GivenFile("a/b", "1"), GivenFile("c", "2"), GivenFile("a/b", "3")])


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b/c", "a"), ("x/y", "x/y/z/w")])
def test_a_path_is_not_file_and_folder(paths: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput, match="is a file and a folder"):
        check_files([GivenFile(path, "") for path in paths])


def test_too_many_files_are_refused() -> None:
    files = [GivenFile(f"f{n}", "") for n in range(MAXIMUM_FILES + 1)]
    assert len(check_files(files[:-1])) == MAXIMUM_FILES
    with pytest.raises(InvalidInput, match="501 files are more than 500"):
        check_files(files)


def test_a_file_has_a_largest_size() -> None:
    largest = "a" * MAXIMUM_FILE_BYTES
    assert len(check_files([GivenFile("a", largest)])[0].content) == MAXIMUM_FILE_BYTES
    with pytest.raises(InvalidInput, match="a is larger than 1048576 bytes"):
        check_files([GivenFile("a", largest + "a")])


def test_all_files_together_have_a_largest_size() -> None:
    count = MAXIMUM_TOTAL_BYTES // MAXIMUM_FILE_BYTES
    files = [GivenFile(f"f{n}", "a" * MAXIMUM_FILE_BYTES) for n in range(count)]
    assert len(check_files(files)) == count
    with pytest.raises(InvalidInput, match="larger than 10485760 bytes together"):
        check_files([*files, GivenFile("one", "more")])


def test_a_given_file_takes_the_place_of_a_generated_one() -> None:
    generated = [File("b", b"generated"), File("a", b"generated")]
    given_files = [File("c", b"given"), File("b", b"given")]
    merged = merge(generated, given_files)
    assert merged == [File("a", b"generated"), File("b", b"given"), File("c", b"given")]


def test_a_given_file_does_not_go_into_a_generated_one() -> None:
    with pytest.raises(InvalidInput, match=r"'wrangler.jsonc' is a file and a folder"):
        merge([File("wrangler.jsonc", b"")], [File("wrangler.jsonc/x", b"")])
