import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import BadSignature
from app.github.signature import sign, verify

# GitHub's own vector: "Testing the webhook payload validation".
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_githubs_own_vector_is_accepted() -> None:
    verify(BODY, SIGNATURE, SECRET)


def test_signing_gives_githubs_own_vector() -> None:
    assert sign(BODY, SECRET) == SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.upper(),
        SIGNATURE + "0",
        SIGNATURE + "\n",
        SIGNATURE[:-1],
        SIGNATURE.replace("sha256", "sha1"),
        f"{SIGNATURE},{SIGNATURE}",
        "sha256=" + "g" * 64,
        "sha256=" + "٣" * 64,
        "sha256=",
        "é",
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(BadSignature, match="64 hexadecimal digits"):
        verify(BODY, header, SECRET)


@pytest.mark.parametrize("header", [None, ""])
def test_a_missing_header_is_refused(header: str | None) -> None:
    with pytest.raises(BadSignature, match="missing"):
        verify(BODY, header, SECRET)


@pytest.mark.parametrize(
    ("body", "secret"), [(b"Hello, World", SECRET), (b"", SECRET), (BODY, "it's a Secret to Everybody")]
)
def test_another_body_or_secret_is_refused(body: bytes, secret: str) -> None:
    with pytest.raises(BadSignature, match="does not match"):
        verify(body, SIGNATURE, secret)


@settings(database=None)
@given(st.binary(), st.text(min_size=1))
def test_what_we_sign_is_accepted(body: bytes, secret: str) -> None:
    try:
        secret.encode()
    except UnicodeEncodeError:
        return
    verify(body, sign(body, secret), secret)


@settings(database=None)
@given(st.text())
def test_any_other_header_is_refused_and_nothing_else_happens(header: str) -> None:
    with pytest.raises(BadSignature):
        verify(BODY, header, SECRET)
