"""From a worker's connection into a live invocation, event by event, up to how it ended."""

import asyncio
import json
from typing import Final

import httpx

from app.dispatch.live import LiveInvocation
from app.dispatch.parsing import EventParser, EventTooLarge


def problem(name: str, message: str) -> str:
    """Return the data of an error event, of the form that workers have for theirs."""
    return json.dumps({"error": {"name": name, "message": message}})


ABANDONED: Final = problem("Abandoned", "nobody read the events for too long, and the call was ended")
_FAILED: Final = problem("WorkerFailed", "the worker ended before its function did")
_SILENT: Final = problem("WorkerSilent", "the worker did not answer any more")


async def pump(live: LiveInvocation, response: httpx.Response, limit_seconds: float) -> str | None:
    """Read a worker's events to their end, and return what else there is to say about that.

    A worker that sends no event for `limit_seconds`, or not even a heartbeat in httpx's time, is given up.
    """
    try:
        async with asyncio.timeout(limit_seconds) as patience:
            await _read(live, response, limit_seconds, patience)
    except (TimeoutError, httpx.TimeoutException):
        return _SILENT
    except EventTooLarge as error:
        return problem("EventTooLarge", f"{error}; ask for the answer in one piece")
    except httpx.HTTPError:
        return _FAILED
    return None if live.has_ended else _FAILED


async def _read(
    live: LiveInvocation, response: httpx.Response, limit_seconds: float, patience: asyncio.Timeout
) -> None:
    parser, loop = EventParser(), asyncio.get_running_loop()
    async for piece in response.aiter_raw():
        events = parser.feed(piece)
        if not events:
            continue
        patience.reschedule(None)  # that our reader takes its time is not the worker's fault
        for name, data in events:
            await live.add(name, data)
            if live.has_ended:
                return
        patience.reschedule(loop.time() + limit_seconds)
