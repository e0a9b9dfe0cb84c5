"""Ports that are found for servers before they begin."""

import itertools
import socket

import pytest

from sandbox import ports


def test_a_port_is_found_once_and_is_none_that_the_system_gives_away() -> None:
    found = [ports.free_port() for _ in range(50)]
    assert len(set(found)) == len(found)
    assert all(20_000 <= port < 32_000 for port in found)


def test_a_port_that_somebody_has_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = ports.free_port()
    monkeypatch.setattr(ports, "_turns", itertools.count(taken - 20_000))
    with socket.create_server(("127.0.0.1", taken)):
        assert ports.free_port() != taken
