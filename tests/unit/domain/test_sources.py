"""Which files say what is exported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.sources import entry_points, is_code


@pytest.mark.parametrize(
    ("paths", "entries"),
    [
        (["index.ts", "b.ts", "lib/index.ts"], ["index.ts"]),
        (["index.mjs", "a.ts"], ["index.mjs"]),
        (["b.ts", "a.js", "lib/c.ts", "data.json"], ["a.js", "b.ts"]),
        (["hello.ts", "hello.test.ts", "hello.spec.ts", "types.d.ts"], ["hello.ts"]),
        (["lib/a.ts", "data.json"], []),
        (["index.json", "a.ts"], ["a.ts"]),
        ([], []),
    ],
)
def test_index_is_the_module_and_without_it_everything_at_the_top(
    paths: list[str], entries: list[str]
) -> None:
    assert entry_points(paths) == entries


@given(st.lists(st.text(alphabet="ab./index.tsjon-", max_size=12), unique=True))
def test_entries_are_files_that_were_given(paths: list[str]) -> None:
    entries = entry_points(paths)
    assert set(entries) <= set(paths)
    assert all(is_code(path) and "/" not in path for path in entries)
