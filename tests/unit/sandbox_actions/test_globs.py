from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.actions.globs import PatternError, is_selected, matches


@pytest.mark.parametrize(
    ("pattern", "name", "does"),
    [
        ("main", "main", True),
        ("main", "mainly", False),
        ("feature/*", "feature/my-branch", True),
        ("feature/*", "feature/beta/mine", False),
        ("feature/**", "feature/beta-a/my-branch", True),
        ("releases/mona-the-octocat", "releases/mona-the-octocat", True),
        ("*", "releases", True),
        ("*", "all/the/branches", False),
        ("**", "all/the/branches", True),
        ("*feature", "mona-feature", True),
        ("*feature", "ver-10-feature-x", False),
        ("v2*", "v2.0", True),
        ("v[12].[0-9]+.[0-9]+", "v1.10.1", True),
        ("v[12].[0-9]+.[0-9]+", "v3.10.1", False),
        ("*.jsx?", "page.js", True),
        ("*.jsx?", "page.jsx", True),
        ("**.js", "src/js/app.js", True),
        ("docs/*", "docs/a/b.txt", False),
        ("docs/**/*.md", "docs/a/markdown/file.md", True),
        ("docs/**/*.md", "docs/README.md", True),
        ("**/docs/**", "dir/docs/my-file.txt", True),
        ("**/docs/**", "docs/hello.md", True),
        ("**/README.md", "js/README.md", True),
        ("**/*src/**", "my-src/code/js/app.js", True),
        ("**/migrate-*.sql", "db/sept/migrate-v1.sql", True),
        (r"\*", "*", True),
        (r"\*", "x", False),
        ("a.b", "axb", False),
        ("a(b)|c", "a(b)|c", True),
    ],
)
def test_a_pattern_matches_as_github_documents_it(pattern: str, name: str, does: bool) -> None:  # noqa: FBT001
    assert matches(name, pattern) is does


def test_the_last_matching_pattern_decides() -> None:
    patterns = ["releases/**", "!releases/**-alpha", "releases/1-alpha"]

    assert is_selected("releases/10", patterns)
    assert not is_selected("releases/10-alpha", patterns)
    assert is_selected("releases/1-alpha", patterns)
    assert not is_selected("main", patterns)


def test_a_broken_pattern_is_refused() -> None:
    with pytest.raises(PatternError):
        matches("x", "[z-a]")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="*?+[]!\\"), max_size=30))
def test_a_name_without_special_characters_matches_itself(name: str) -> None:
    assert matches(name, name)
