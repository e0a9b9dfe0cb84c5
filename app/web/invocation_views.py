"""What routes that call functions answer. Answers of workers are passed on: their views describe them."""

from typing import Any, Final, Literal

from pydantic import BaseModel, RootModel

from app.web.errors import ErrorOut, Responses
from app.web.views import View


class FunctionsView(View):
    """What can be called."""

    functions: list[str]


class LogLineView(BaseModel):
    """A line that a function wrote."""

    level: str
    message: str
    timestamp: str


class InvokedView(BaseModel):
    """What a function returned, and what it wrote meanwhile; `duration` is in milliseconds."""

    success: Literal[True]
    function: str
    result: Any
    logs: list[LogLineView]
    duration: float


class FunctionErrorView(BaseModel):
    """What a function threw, or why a worker did not call it."""

    name: str
    message: str
    stack: str | None = None


class FailedView(BaseModel):
    """Why there is no result; `functions` are those that there are, where there is none of the name."""

    success: Literal[False]
    function: str
    error: FunctionErrorView
    logs: list[LogLineView]
    duration: float
    functions: list[str] | None = None


class InvocationErrorOut(RootModel[FailedView | ErrorOut]):
    """The worker's word where it has `success`, else ours."""


class LaterView(View):
    """The job that calls a function: ask `pollUrl` how it goes."""

    worker_id: str
    function: str
    job_id: str
    poll_url: str


# What a call may be refused with, for the API's description.
REFUSALS: Final[Responses] = {
    str(status): InvocationErrorOut for status in (400, 404, 409, 410, 413, 429, 500, 502, 503, 504)
}
