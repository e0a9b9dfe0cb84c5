from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cloudflare.gateway.multipart import Part, boundary_of, read_parts
from app.errors import Malformed

BOUNDARY = b"----formdata-undici-0123"
# What a browser and undici make of a name that would break out of its quotes.
NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters='"\\'), max_size=40)
# Contents that look like boundaries, so that a wrong cut shows.
CONTENTS = st.lists(
    st.sampled_from([b"\r\n", b"--", b"-", b"\r", b"\n", BOUNDARY, BOUNDARY[:9], b"x", b"\0\xff"]),
    max_size=12,
).map(b"".join)


def form(*parts: tuple[str, bytes], boundary: bytes = BOUNDARY) -> bytes:
    """Write a form as undici does."""
    body = b""
    for name, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: text/plain'
        body += b"--" + boundary + b"\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + b"--" + boundary + b"--\r\n"


def read(body: bytes, size: int = 7, boundary: bytes = BOUNDARY) -> list[tuple[str, bytes]]:
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return [(part.name, b"".join(part.content)) for part in read_parts(boundary, pieces)]


def is_possible(content: bytes) -> bool:
    """A sender picks a boundary that is not in its parts."""
    return b"\r\n--" + BOUNDARY not in b"\r\n" + content


@given(st.lists(st.tuples(NAMES, CONTENTS.filter(is_possible)), min_size=1, max_size=4), st.integers(1, 90))
def test_parts_come_out_as_they_went_in_however_the_body_is_cut(
    parts: list[tuple[str, bytes]], size: int
) -> None:
    assert read(form(*parts), size) == parts


@given(st.binary(max_size=300), st.integers(1, 60))
def test_any_bytes_are_a_form_or_refused(noise: bytes, size: int) -> None:
    for body in (noise, b"--" + BOUNDARY + noise, form(("a", b"1"))[:-4] + noise):
        try:
            read(body, size)
        except Malformed:
            continue


@given(st.integers(0, 200))
def test_a_form_that_breaks_off_is_refused(end: int) -> None:
    body = form(("metadata", b"{}"), ("index.js", b"export default {}"))
    cut = body[: min(end, len(body) - 3)]
    with pytest.raises(Malformed):
        read(cut)


def test_a_part_tells_its_name_file_and_type() -> None:
    with_file, without = (
        next(read_parts(BOUNDARY, [body])) for body in (form(("ä.js", b"")), field("x", b""))
    )
    assert (with_file.name, with_file.filename, with_file.content_type) == ("ä.js", "ä.js", "text/plain")
    assert (without.name, without.filename, without.content_type) == ("x", None, None)


def field(name: str, content: bytes) -> bytes:
    head = f'--{BOUNDARY.decode()}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--" + BOUNDARY + b"--"


def test_what_a_reader_leaves_is_skipped() -> None:
    body = form(("first", b"1" * 5000), ("second", b"2" * 5000), ("third", b"3"))
    pieces = (body[at : at + 100] for at in range(0, len(body), 100))
    seen = [(part.name, next(part.content)[:1]) for part in read_parts(BOUNDARY, pieces)]
    assert seen == [("first", b"1"), ("second", b"2"), ("third", b"3")]


def test_no_more_than_a_piece_is_read_ahead() -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for piece in (form(("a", b"x" * 900))[at : at + 100] for at in range(0, 1100, 100)):
            taken += len(piece)
            yield piece

    part: Part = next(read_parts(BOUNDARY, pieces()))
    given_out = len(next(part.content))
    assert taken - given_out <= 250


def test_a_form_without_parts_is_empty() -> None:
    assert read(b"--" + BOUNDARY + b"--\r\n") == []


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: text/plain",
        b"Content-Disposition: form-data",
        b'Content-Disposition: attachment; name="a"',
        b'Content-Disposition: form-data; name="\xff"',
        b"Content-Disposition: form-data; name*=utf-8''a",
        b'Content-Disposition: form-data; name="a"\r\nX: ' + b"y" * 9000,
        b"\r\n".join(b"X-%d: y" % number for number in range(50)),
        b"no colon here",
        b": nameless",
    ],
)
def test_parts_that_say_too_little_or_too_much_are_refused(head: bytes) -> None:
    with pytest.raises(Malformed):
        read(b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\nx\r\n--" + BOUNDARY + b"--\r\n")


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b"', b"a b"),
        ("Multipart/Form-Data; charset=utf-8; boundary=abc", b"abc"),
    ],
)
def test_the_boundary_is_in_the_header(header: str, boundary: bytes) -> None:
    assert boundary_of(header) == boundary


@pytest.mark.parametrize(
    "header",
    [
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=abc",
        "application/json",
        "multipart/form-data; boundary=" + "x" * 300,
    ],
)
def test_what_is_no_form_is_refused(header: str) -> None:
    with pytest.raises(Malformed):
        boundary_of(header)
