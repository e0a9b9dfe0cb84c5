"""What routes that call functions take: paths, payloads of any JSON, and the headers that go along."""

import json
from typing import Annotated, Any, Final

from flask import request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from app.domain.invocations import MAXIMUM_RETRIES
from app.errors import InvalidInput
from app.pipeline.invoke_later import Order
from app.web.forms import DeploymentPath

_Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and what is meant for us or says who we are.
_NOT_PASSED_ON: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "last-event-id",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
_OURS: Final = ("branchline-", "cf-", "cloudflare-", "x-branchline-", "x-forwarded-", "x-real-")


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class CalleePath(_Form):
    """`worker` is a worker's id, slug or name."""

    worker: _Key


class FunctionPath(CalleePath):
    """A function of a worker."""

    function: _Key


class InvocationPath(CalleePath):
    """An invocation that was streamed."""

    invocation: _Key


class DeployedFunctionPath(DeploymentPath):
    """A function, as a deployment has it."""

    function: _Key


class DeployedInvocationPath(DeploymentPath):
    """An invocation of such a function that was streamed."""

    invocation: _Key


class LaterIn(_Form):
    """A call that a job makes; `retries` is how often it calls again after a failure."""

    payload: Any = None
    retries: Annotated[int, Field(ge=0, le=MAXIMUM_RETRIES, strict=True)] = 3

    def order(self, function: str) -> Order:
        """Return it as the pipeline takes it.

        Raises:
            InvalidInput: the payload is nothing that JSON can hold.
        """
        if "payload" not in self.model_fields_set:
            return Order(function, "", self.retries)
        try:
            payload = json.dumps(self.payload, allow_nan=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            raise InvalidInput("reading payload: a number is none of JSON's, or it is too deep") from None
        return Order(function, payload, self.retries)


def read_payload(limit: int) -> bytes:
    """Return the body as it is, nothing for none; whether it is JSON is for the worker to say.

    Raises:
        RequestEntityTooLarge: it is larger than the worker takes.
    """
    request.max_content_length = limit
    payload = request.get_data(cache=False)
    # A body without a length was cut at the limit; only reading on tells.
    request.stream.read(1)
    return payload


def passed_on() -> dict[str, str]:
    """Return the headers of the request that a function may see: none of a hop, and none that is ours."""
    named = {name.strip().lower() for name in request.headers.get("Connection", "").split(",")}
    return {
        name: value
        for name, value in request.headers.items()
        if (lower := name.lower()) not in _NOT_PASSED_ON | named and not lower.startswith(_OURS)
    }
