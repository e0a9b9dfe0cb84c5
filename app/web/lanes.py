"""Lanes: calls of functions, streams and webhooks may hold a thread each, all else shares as many as ever.

So a server has threads for all open streams, and a storm of other requests still finds no more of them at the
database than it did before. Whoever waits for a place here waits as it would for a thread.
"""

import re
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# They have a gate of their own, and nobody waits in front of it. Webhooks come as slowly as their senders
# like, and share what they need of the database among themselves.
_LONG: Final = re.compile(
    r"/api/(?:workers|deployments)/[^/]+/(?:functions|invoke|invocations)/[^/]+(?:/events)?"
    r"|/workers/[^/]+/invoke|/deployments/[^/]+/functions|/api/events/stream|/webhooks/github"
)


def is_long(path: str) -> bool:
    """Tell whether requests there may take as long as a function does, or a stream is open."""
    return _LONG.fullmatch(path) is not None


class Lanes:
    """A WSGI application that lets `places` requests at once through to another, and all that take long."""

    def __init__(self, application: "WSGIApplication", places: int) -> None:
        self._application = application
        self._places = threading.BoundedSemaphore(places)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        if is_long(environ.get("PATH_INFO", "")):
            return self._application(environ, start_response)
        self._places.acquire()
        try:
            body = self._application(environ, start_response)
        except BaseException:
            self._places.release()
            raise
        return ClosingIterator(body, [self._places.release])
