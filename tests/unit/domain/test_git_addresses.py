"""Addresses to import from: public https, or what the operator trusts; no tricks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.git_addresses import GitAddress, suggested_name
from app.errors import InvalidInput

PUBLIC = [
    "https://github.com/acme/shop",
    "https://github.com/acme/shop.git",
    "https://gitlab.com/group/sub-group/shop.git/",
    "https://git.sr.ht/~ada/shop",
    "https://GITHUB.com/acme/Shop_2",
    "https://github.com/acme/.github",
    "https://github.com:443/acme/shop",
    "https://xn--bcher-kva.example/acme/shop",
]
TRICKS = [
    # not https
    *("http://github.com/acme/shop", "git://github.com/acme/shop", "ssh://git@github.com/acme/shop"),
    *(
        "git@github.com:acme/shop.git",
        "file:///etc/passwd",
        "/etc/passwd",
        "ext::sh -c id",
        "gopher://x.com/1",
    ),
    *("", "https://", "https:///acme/shop", "github.com/acme/shop", "-u", "--upload-pack=id"),
    # to ourselves and our neighbours
    *("https://127.0.0.1/a/b", "https://127.1/a/b", "https://0x7f000001/a/b", "https://2130706433/a/b"),
    *("https://0177.0.0.1/a/b", "https://127.0.0.1.nip.0/a/b", "https://169.254.169.254/latest/meta-data"),
    *("https://[::1]/a/b", "https://[::ffff:127.0.0.1]/a/b", "https://10.0.0.1/a", "https://192.168.1.1/a"),
    *(
        "https://localhost/a/b",
        "https://localhost./a/b",
        "https://a.localhost/a/b",
        "https://printer.local/a/b",
    ),
    *("https://metadata.google.internal/a", "https://intranet/a/b", "https://example.com./a/b"),
    *("https://example.com:8443/a/b", "https://example.com:22/a/b", "https://example.com:99999/a/b"),
    # to say something else than it seems
    *(
        "https://user:secret@github.com/a/b",
        "https://token@github.com/a/b",
        "https://github.com@evil.com/a/b",
    ),
    *("https://github.com/a/b?x=1", "https://github.com/a/b#x", "https://github.com", "https://github.com/"),
    *(
        "https://github.com/a/../../b",
        "https://github.com/./b",
        "https://github.com//b",
        "https://github.com/a%2fb",
    ),
    *("https://github.com/a b", "https://github.com/a\nb", "https://github.com/a\0b", "https://github.com/ü"),
    *("https://gith\u0443b.com/a/b", "https://github.com\\@evil.com/a", "https://github.com\t/a/b"),
    *(
        "https://github.com/" + "a" * 1000,
        "https://git_hub.com/a/b",
        "https://[/a/b",
    ),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_taken(text: str) -> None:
    address = GitAddress.parse(text)
    assert (address.url, address.port, address.is_trusted) == (text, 443, False)
    assert address.host == address.host.lower()


@pytest.mark.parametrize("text", TRICKS)
def test_a_trick_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        GitAddress.parse(text)
    assert refused.value.error_code == "import:invalid-address"
    assert "secret" not in refused.value.message


def test_what_the_operator_trusts_needs_neither_tls_nor_a_public_name() -> None:
    trusted = ["http://127.0.0.1:3000", "https://git.corp.internal"]
    for text in ("http://127.0.0.1:3000/acme/shop.git", "https://git.corp.internal/acme/shop"):
        assert GitAddress.parse(text, trusted).is_trusted
    for text in (
        "http://127.0.0.1:3001/acme/shop",
        "http://127.0.0.1/acme/shop",
        "https://127.0.0.1:3000/acme/shop",
        "http://git.corp.internal/acme/shop",
        "http://127.0.0.1:3000@evil.com/acme/shop",
        "http://x:y@127.0.0.1:3000/acme/shop",
        "http://127.0.0.1:3000/../x",
    ):
        with pytest.raises(InvalidInput):
            GitAddress.parse(text, trusted)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://github.com/acme/Shop.js.git", "shop-js"),
        ("https://github.com/acme/my_app/", "my-app"),
        ("https://github.com/acme/" + "a" * 60, "a" * 50),
        ("https://github.com/acme/-__-", ""),
    ],
)
def test_a_name_is_suggested(text: str, name: str) -> None:
    assert suggested_name(text) == name


@given(st.text(max_size=60))
def test_whatever_is_taken_is_plain(text: str) -> None:
    try:
        address = GitAddress.parse(f"https://{text}")
    except InvalidInput:
        return
    assert address.host.isascii()
    assert address.host.rpartition(".")[2][0].isalpha()
    assert not {"@", "?", "#", "%", "\\", " "} & set(address.url)
