"""Names that git gives and takes."""

import pytest

from app.domain.git import EntryKind, blob_name, check_branch, check_ref, is_text, kind_of
from app.errors import InvalidInput

ODD = ["@a", "dependabot/npm/@types/node-1.2", "feature/a#b", "ü", "v1.0", "x+y=z%"]
REFUSED = [
    *("a..b", "../../acme/other", "-x", "--upload-pack=x", "a/", "/a", "a//b", "a.lock", ".a", "a/.b", "a."),
    *("b/a.lock/c", "main~1", "main^", "main:path", "main^{tree}", "@{upstream}", "a@{1}", "@", "a?b"),
    *("a*", "a[b", "a\\b", "HEAD", "refs/heads/main"),
]


def test_a_blob_is_called_as_git_calls_it() -> None:
    # The names of an empty file and of `echo hello world`, as everybody's git has them.
    assert blob_name(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_name(b"hello world\n") == "3b18e512dba79e4c8300dd08aeb37f8e728b8dad"


@pytest.mark.parametrize("name", ["main", "a" * 255, "f" * 40, *ODD])
def test_what_git_takes_is_a_ref(name: str) -> None:
    assert check_ref(name) == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a\n", "a\0", "a\x7f", "a" * 256, "\ud800", "main\r\nHost: x", "a\u202eb", *REFUSED]
)
def test_what_git_or_an_address_would_take_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_ref(name)
    assert refused.value.error_code == "ref:invalid-name"


def test_a_branch_is_not_called_like_a_commit() -> None:
    assert check_branch("feature/x") == "feature/x"
    for name in ("f" * 40, "a..b", "HEAD"):
        with pytest.raises(InvalidInput):
            check_branch(name)


def test_modes_and_texts_are_told_apart() -> None:
    modes = ("100644", "100755", "040000", "120000", "160000")
    file, folder, link, submodule = EntryKind
    assert [kind_of(mode) for mode in modes] == [file, file, folder, link, submodule]
    assert [is_text(it) for it in (b"", "é".encode(), b"\xff", b"a\0b")] == [True, True, False, False]
