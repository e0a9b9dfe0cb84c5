"""`ports.Streams`: one thread reads the events of all workers that stream to this process.

A call goes on for a while when nobody follows it; then its connection is closed, of which the worker tells
its function. What was streamed is kept for some minutes after its end, in this process alone.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import httpx

from app.dispatch.kept import KeptInvocations
from app.dispatch.live import LiveInvocation
from app.dispatch.loop import LoopThread
from app.dispatch.pump import ABANDONED, pump
from app.dispatch.requests import (
    EVENTS,
    JSON,
    MARGIN_SECONDS,
    MOST_REFUSAL_BYTES,
    doing,
    headers_of,
    refusal,
    speaking_of,
    timeout,
    url_of,
)
from app.domain.names import new_id
from app.errors import Overloaded
from app.ports import Call, Invocation, Reply
from app.ports.invocations import INVOCATION_ID

GRACE_SECONDS: Final = 30.0
KEPT_SECONDS: Final = 180.0
# A worker sends a heartbeat every five seconds.
_SILENCE_SECONDS: Final = 20.0
_UPKEEP_SECONDS: Final = 1.0
_RETRY_AFTER_SECONDS: Final = 5
_KEPT_CONNECTIONS: Final = 20

OnEnd = Callable[[str], None]


class DispatchStreams:
    """Streams of workers behind the dispatch worker at `origin`, so many at once.

    The thread begins with the first of them: make it before forking, use it after. `transport` is for tests.
    """

    def __init__(
        self,
        origin: str,
        most: int,
        *,
        grace_seconds: float = GRACE_SECONDS,
        kept_seconds: float = KEPT_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._origin = origin
        self._grace_seconds = grace_seconds
        self._kept_seconds = kept_seconds
        self._limits = httpx.Limits(max_connections=most, max_keepalive_connections=_KEPT_CONNECTIONS)
        self._transport = transport
        self._places = threading.BoundedSemaphore(most)
        self._kept = KeptInvocations()
        self._tasks: dict[LiveInvocation, asyncio.Task[None]] = {}
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._is_closed = False

    def start(self, owner: str, call: Call, on_end: OnEnd) -> Invocation | Reply:
        """Call a function, never twice; a reply is a refusal. Raises as `ports.Streams` says."""
        thread = self._reading()
        if thread is None or not self._places.acquire(blocking=False):
            raise _full(call)
        started: Invocation | Reply | None = None
        try:
            started = thread.run(self._start(owner, call, on_end))
        except CancelledError:
            raise _full(call) from None
        finally:
            if not isinstance(started, LiveInvocation):
                self._places.release()
        return started

    def find(self, owner: str, invocation_id: str) -> Invocation:
        """Return what was started for this owner in this process. Raises NotFound."""
        return self._kept.get(owner, invocation_id)

    def close(self) -> None:
        """Cut every stream: its call ends, and so does whoever follows it."""
        with self._lock:
            self._is_closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.run(self._close())
            thread.close()

    def _reading(self) -> LoopThread | None:
        with self._lock:
            if self._thread is None and not self._is_closed:
                self._thread = LoopThread("branchline-streams")
                self._thread.loop.call_soon_threadsafe(self._keep_up)
            return self._thread

    # In the thread

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        headers, limit = {"User-Agent": "branchline"}, timeout(_SILENCE_SECONDS)
        return httpx.AsyncClient(
            headers=headers, limits=self._limits, timeout=limit, transport=self._transport
        )

    async def _start(self, owner: str, call: Call, on_end: OnEnd) -> LiveInvocation | Reply:
        live = LiveInvocation(new_id("inv", datetime.now(UTC)), asyncio.get_running_loop())
        headers = headers_of(call, f"{EVENTS}, {JSON}") | {INVOCATION_ID.lower(): live.id}
        url = url_of(self._origin, call)
        request = self._http.build_request("POST", url, content=call.payload, headers=headers)
        with speaking_of(call):
            response = await self._http.send(request, stream=True)
            if not response.is_success or not response.headers.get("content-type", "").startswith(EVENTS):
                return refusal(call, response, await _whole(response))
        self._kept.add(owner, live)
        limit_seconds = call.timeout_seconds + MARGIN_SECONDS
        self._tasks[live] = asyncio.create_task(self._pump(owner, live, response, limit_seconds, on_end))
        return live

    async def _pump(
        self, owner: str, live: LiveInvocation, response: httpx.Response, limit_seconds: float, on_end: OnEnd
    ) -> None:
        left: str | None = None
        try:
            left = await pump(live, response, limit_seconds)
        except asyncio.CancelledError:
            left = None if self._is_closed else ABANDONED
        finally:
            live.end(left)
            self._kept.end(owner, live)
            self._places.release()
            del self._tasks[live]
            on_end(live.ending)
            await response.aclose()

    def _keep_up(self) -> None:
        for live, task in self._tasks.items():
            if live.seconds_alone() > self._grace_seconds:
                task.cancel()
        self._kept.forget(self._kept_seconds)
        asyncio.get_running_loop().call_later(_UPKEEP_SECONDS, self._keep_up)

    async def _close(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.aclose()


def _full(call: Call) -> Overloaded:
    return Overloaded(
        f"{doing(call)}: as many streams as may be are open", retry_after_seconds=_RETRY_AFTER_SECONDS
    )


async def _whole(response: httpx.Response) -> bytes:
    """Return a body; nothing of one that is too long to be a worker's."""
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MOST_REFUSAL_BYTES:
                return b""
    finally:
        with suppress(httpx.HTTPError):
            await response.aclose()
    return bytes(body)
