"""Whatever is accepted as a worker's files lies where it says, and comes back as it was."""

import posixpath
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from app.domain.sources import Source
from app.errors import InvalidInput
from app.pipeline.workers_sources import check_sources, keep_sources, read_sources
from tests.fakes.bundles import FakeBundles

PATHS = st.one_of(st.text(max_size=30), st.from_regex(r"(?:\.?\.?/?[a-z@~=*-]{0,3}){0,4}\.(?:ts|js|json)"))


@given(PATHS)
def test_an_accepted_path_is_plain_and_stays_inside(path: str) -> None:
    with suppress(InvalidInput):
        check_sources([Source(path, "")])
        assert posixpath.normpath(path) == path
        assert not path.startswith(("/", "..", "."))
        assert not set(path) & set("*=?#%:\\\0\r\n ")


@given(st.lists(PATHS, max_size=6))
def test_accepted_files_do_not_lie_in_one_another(paths: list[str]) -> None:
    with suppress(InvalidInput):
        check_sources([Source(path, "") for path in paths])
        folded = [path.casefold() for path in paths]
        assert len(set(folded)) == len(folded)
        assert not any(one.startswith(f"{other}/") for one in folded for other in folded)


@given(st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\.ts\Z"), st.text(), max_size=4))
def test_files_come_back_as_they_were(files: dict[str, str]) -> None:
    bundles = FakeBundles()
    digest = keep_sources([Source(path, content) for path, content in files.items()], bundles)
    expected = {path: content.encode(errors="replace") for path, content in files.items()}
    assert read_sources(digest, bundles) == expected
