"""Addresses: every script has two, and the operator says which is shown first."""

import pytest

from app.domain.addresses import Address, Addresses


def test_a_script_answers_on_its_subdomain_and_on_a_path() -> None:
    addresses = Addresses(apps_origin="https://example.app", dispatch_origin="https://apps.example.com")
    assert addresses.of("preview-pr7-bcdfghjk") == Address(
        url="https://preview-pr7-bcdfghjk.example.app",
        alternate_url="https://apps.example.com/app/preview-pr7-bcdfghjk",
    )


def test_the_path_may_be_shown_first_and_stays_the_alternate() -> None:
    addresses = Addresses("https://example.app", "https://apps.example.com", path_first=True)
    path = "https://apps.example.com/app/bcdfghjk"
    assert addresses.of("bcdfghjk") == Address(url=path, alternate_url=path)


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("http://apps.localhost:8787", "http://bcdfghjk.apps.localhost:8787"),
        ("https://example.app:8443", "https://bcdfghjk.example.app:8443"),
    ],
)
def test_scheme_and_port_are_kept(origin: str, url: str) -> None:
    assert Addresses(origin, origin).of("bcdfghjk").url == url
