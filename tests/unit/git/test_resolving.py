"""Where a name leads: only to what is public, looked up once."""

import socket
from collections.abc import Sequence

import pytest

from app.domain.git_addresses import GitAddress
from app.errors import RemoteRefused
from app.git.remotes import elsewhere
from app.git.resolving import is_public, pinned

PUBLIC = ["93.184.216.34", "140.82.121.3", "8.8.8.8", "2606:50c0:8000::153", "2a01:4f8::1"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.255.0.1", "0.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.254", "192.0.0.8", "192.0.2.1"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1"),
    # the same in a wrapper
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::", "64:ff9b:1::1", "192.88.99.1", "::127.0.0.1"),
]
ADDRESS = GitAddress.parse("https://git.example.com/acme/shop")


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_public(text: str) -> None:
    assert is_public(text)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_everything_else_is_not(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], ["8.8.8.8", "fe80::1%eth0"]]
)
def test_one_address_that_is_not_public_is_enough(found: list[str]) -> None:
    with pytest.raises(RemoteRefused) as refused:
        pinned(ADDRESS, lambda _host, _port: found)
    assert refused.value.error_code == "import:not-public"
    assert not any(it in refused.value.message for it in found)


@pytest.mark.parametrize(
    "error", [socket.gaierror("no such host"), UnicodeError("label too long"), OSError()]
)
def test_a_name_that_leads_nowhere_is_refused(error: Exception) -> None:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        raise error

    with pytest.raises(RemoteRefused) as refused:
        pinned(ADDRESS, resolve)
    assert refused.value.error_code == "import:unreachable"


def test_a_second_answer_is_never_asked_for() -> None:
    answers = iter([["93.184.216.34", "2606:50c0::1"], ["127.0.0.1"]])
    remote = elsewhere(ADDRESS, lambda _host, _port: next(answers))
    pin = remote.configuration["http.curloptResolve"]
    assert pin == "git.example.com:443:93.184.216.34,[2606:50c0::1]"
    assert next(answers) == ["127.0.0.1"]


def test_what_the_operator_trusts_may_be_private_and_is_pinned_too() -> None:
    trusted = GitAddress.parse("http://git.corp:3000/a/b", ["http://git.corp:3000"])
    remote = elsewhere(trusted, lambda _host, _port: ["10.0.0.7"])
    assert remote.configuration == {
        "protocol.http.allow": "always",
        "http.curloptResolve": "git.corp:3000:10.0.0.7",
    }
