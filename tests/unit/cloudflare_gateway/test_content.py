import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cloudflare.gateway.content import at_most, decoded
from app.errors import InvalidInput, TooLarge


def cut(text: bytes, size: int) -> Iterator[bytes]:
    return (text[at : at + size] for at in range(0, len(text), size))


@given(st.binary(max_size=200), st.integers(1, 30))
def test_base64_comes_out_as_it_went_in_however_it_is_cut(content: bytes, size: int) -> None:
    assert b"".join(decoded(cut(base64.b64encode(content), size))) == content


@pytest.mark.parametrize(
    "text", [b"a", b"ab", b"abc", b"ab==cd==", b"ab=c", b"a b=", b"====", b"ab\n=", b"!!!!"]
)
@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_what_is_no_base64_is_refused(text: bytes, size: int) -> None:
    with pytest.raises(InvalidInput):
        list(decoded(cut(text, size)))


@given(st.binary(max_size=60), st.integers(1, 20), st.integers(0, 60))
def test_content_passes_up_to_its_limit(content: bytes, size: int, limit: int) -> None:
    if len(content) <= limit:
        assert b"".join(at_most(limit, cut(content, size), "a file")) == content
    else:
        with pytest.raises(TooLarge, match="a file"):
            list(at_most(limit, cut(content, size), "a file"))
