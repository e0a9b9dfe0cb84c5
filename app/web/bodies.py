"""Bodies of requests that prove themselves: read up to a limit, byte for byte, for they are what is signed.

What they say is not looked at here.
"""

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import TooLarge
from app.web.patience import READING


def check_length(limit: int) -> None:
    """Refuse a body that says that it is too large before it is read.

    Raises:
        TooLarge: it says so.
    """
    if (request.content_length or 0) > limit:
        raise TooLarge(f"reading a webhook: its body is larger than {limit} bytes")


def read(limit: int) -> bytes:
    """Return the body; one that says no length is refused at the limit.

    Raises:
        TooLarge: it is longer.
    """
    request.max_content_length = limit
    try:
        with READING.of(request.environ.get("gunicorn.socket")):
            return _read()
    except RequestEntityTooLarge:
        raise TooLarge(f"reading a webhook: its body is larger than {limit} bytes") from None


def _read() -> bytes:
    body = request.get_data(cache=False)
    # A body without a length was cut at the limit; only reading on tells.
    request.stream.read(1)
    return body
