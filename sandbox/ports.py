"""Ports for servers that have to know theirs before they begin.

They are below those that a system gives to whoever asks it for any: one of those that was let go may be given
to somebody else before the server begins that it was found for.
"""

from __future__ import annotations

import itertools
import secrets
import socket

_FIRST, _NUMBER = 20_000, 12_000
# Each process begins elsewhere, and finds none twice.
_turns = itertools.count(secrets.randbelow(_NUMBER))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses at this moment."""
    for turn in itertools.islice(_turns, _NUMBER):
        port = _FIRST + turn % _NUMBER
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise OSError("no port of 127.0.0.1 is free")
