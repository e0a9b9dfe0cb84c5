"""Discard: deliveries that are old and done are let go, a few at a time.

What they told stays: facts are never deleted here. One that still wants work is kept however old it is.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from app.ports import Records

_AT_A_TIME: Final = 200
_ROUNDS: Final = 100
_PAUSE_SECONDS: Final = 0.05


def discard_deliveries(
    records: Records, before: datetime, *, pause: Callable[[float], object] = time.sleep
) -> int:
    """Let deliveries go that were received before that; returns how many. The rest goes the next time."""
    gone = 0
    for _ in range(_ROUNDS):
        with records.begin() as tx:
            found = tx.past_deliveries.discard(before, limit=_AT_A_TIME)
        gone += found
        if found < _AT_A_TIME:
            break
        pause(_PAUSE_SECONDS)  # others write meanwhile
    return gone
