from collections.abc import Callable

import pytest

from app.errors import RemoteMissing
from tests.contract.code_host.hosts import ORG, CodeHost, writes


def test_a_variable_is_written_only_when_it_differs(host: CodeHost, shop: str) -> None:
    for value, expected in [("a", 1), ("a", 0), ("b", 1), ("b", 0)]:
        with writes(host, expected):
            host.settings.set_variable(shop, "URL", value)


def test_a_secret_may_be_set_again(host: CodeHost, shop: str) -> None:
    for value in ("whsec_1", "whsec_2"):
        with writes(host, 1):
            host.settings.set_secret(shop, "KEY", value)


def test_a_webhook_is_made_once_and_mended(host: CodeHost, shop: str) -> None:
    ours, other = "http://127.0.0.1:9/webhooks/github", "http://127.0.0.1:9/other"
    both = ["push", "pull_request"]
    for url, events, expected in [
        (ours, ["push"], 1),
        (ours, ["push"], 0),
        (ours, both, 1),
        (ours, both[::-1], 0),
        (other, ["push"], 1),
    ]:
        with writes(host, expected):
            host.settings.ensure_webhook(shop, url, "s" * 16, events)


def test_an_environment_is_made_once(host: CodeHost, shop: str) -> None:
    for expected in (1, 0):
        with writes(host, expected):
            host.settings.ensure_environment(shop, "preview")


NOTHING = f"{ORG}/nothing"
ASKED: list[Callable[[CodeHost], None]] = [
    lambda host: host.settings.set_variable(NOTHING, "URL", "v"),
    lambda host: host.settings.set_secret(NOTHING, "KEY", "v"),
    lambda host: host.settings.ensure_webhook(NOTHING, "http://127.0.0.1:9/", "s" * 16, ["push"]),
    lambda host: host.settings.ensure_environment(NOTHING, "preview"),
    lambda host: host.repositories.enable_actions(NOTHING),
]


@pytest.mark.parametrize("ask", ASKED)
def test_settings_of_an_absent_repository_are_missing(
    host: CodeHost, ask: Callable[[CodeHost], None]
) -> None:
    with pytest.raises(RemoteMissing):
        ask(host)
