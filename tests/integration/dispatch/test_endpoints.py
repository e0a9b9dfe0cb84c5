"""A worker's script is asked for its functions, again while it does not answer, and not for ever."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from app.dispatch.endpoints import DispatchEndpoints
from app.errors import RemoteUnavailable

ORIGIN = "https://dispatch.test"
Answer = Callable[[httpx.Request], httpx.Response]


def endpoints(*answers: Answer | httpx.Response) -> tuple[DispatchEndpoints, list[httpx.Request]]:
    """Return endpoints that answer so, one after the other, and then with the last for ever."""
    asked = list[httpx.Request]()
    waiting: Iterator[Answer | httpx.Response] = iter(answers)
    last: list[Answer | httpx.Response] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        last[:] = [next(waiting, last[0] if last else answers[-1])]
        found = last[0]
        return found if isinstance(found, httpx.Response) else found(request)

    return DispatchEndpoints(ORIGIN, timeout_seconds=0.5, transport=httpx.MockTransport(answer)), asked


def fail(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def told(*names: str) -> httpx.Response:
    return httpx.Response(200, json={"functions": names})


def test_a_script_is_asked_at_its_own_address() -> None:
    asking, asked = endpoints(told("hello", "größe"))
    assert asking.functions("production-1-slug", None) == ["hello", "größe"]
    assert str(asked[0].url) == f"{ORIGIN}/app/production-1-slug/api/functions"
    assert asked[0].headers["accept"] == "application/json"
    assert "authorization" not in asked[0].headers


def test_it_is_shown_the_key_that_callers_bear() -> None:
    asking, asked = endpoints(told())
    assert asking.functions("slug", "secret") == []
    assert asked[0].headers["authorization"] == "Bearer secret"


def test_what_is_not_there_yet_is_asked_again() -> None:
    asking, asked = endpoints(httpx.Response(404), fail, httpx.Response(502), told("hello"))
    assert asking.functions("slug", None) == ["hello"]
    assert len(asked) == 4


@pytest.mark.parametrize(
    "answer",
    [
        fail,
        httpx.Response(404),
        httpx.Response(500, json={"success": False}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"functions": "hello"}),
        httpx.Response(200, json={"functions": [1]}),
        httpx.Response(200, json=[]),
        httpx.Response(200, content=b"[" * 200_000),
        httpx.Response(200, content=b'{"functions": ["\\ud800"]}'),
        httpx.Response(200, content=b'{"functions": ["' + b"a" * 300_000 + b'"]}'),
        httpx.Response(307, headers={"location": "https://elsewhere.test/"}),
    ],
)
def test_what_does_not_answer_as_a_worker_is_given_up_in_time(answer: Answer | httpx.Response) -> None:
    asking, asked = endpoints(answer)
    with pytest.raises(RemoteUnavailable) as silent:
        asking.functions("slug", None)
    assert silent.value.error_code == "worker:no-answer"
    assert 1 < len(asked) < 8
