"""Events of the record over the API, as they come about, whatever happens to the connection."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.cli.api import Api, check
from app.cli.calls import sent_events
from app.errors import RemoteUnavailable

RESET: Final = "reset"
# The control plane sends a heartbeat every fifteen seconds.
_SILENCE_SECONDS: Final = 40.0
_PAUSE_SECONDS: Final = (0.5, 10.0)


def follow_events(
    api: Api, after: str | None, chosen: Mapping[str, str | None]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield events behind a place, or from now on, without end, each with the name that it was sent under.

    Raises:
        BranchlineError: the control plane does not answer the first time, or does not let us follow.
    """
    place, pause, has_begun = after, _PAUSE_SECONDS[0], False
    while True:
        try:
            for event in _opened(api, place, chosen):
                place, pause, has_begun = event.id or place, _PAUSE_SECONDS[0], True
                if event.data:
                    yield event.name, json.loads(event.data)
        except RemoteUnavailable:
            if not has_begun:
                raise
        time.sleep(pause)
        pause = min(pause * 2, _PAUSE_SECONDS[1])


def _opened(api: Api, place: str | None, chosen: Mapping[str, str | None]) -> Iterator[Any]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": place} if place else {})
    params = {name: value for name, value in chosen.items() if value is not None}
    options = {"headers": headers, "params": params, "timeout": _SILENCE_SECONDS}
    with api.open("GET", "events", "stream", **options) as response:
        check(response)
        yield from sent_events(response.iter_bytes())
