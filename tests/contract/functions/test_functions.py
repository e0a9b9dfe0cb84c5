"""Functions called for one answer: what our fake replies has the form of what workers reply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.dispatch.functions import DispatchFunctions
from app.errors import Gone, RemoteForbidden, RemoteMissing, RemoteRefused
from app.ports import Call, Reply
from tests.fakes.invocations import answered, failed
from tests.integration.functions_runtime.driver import deploy
from tests.proofs import pick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.sandbox_cloudflare.driver import Sandbox
    from tests.integration.functions_runtime.driver import Worker


@pytest.fixture
def functions(sandbox: Sandbox) -> Iterator[DispatchFunctions]:
    made = DispatchFunctions(sandbox.dispatch_url, 10)
    yield made
    made.close()


def told(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(b"".join(reply.body))
    return told


CASES = [
    ("hello", b"", answered()),
    ("bad", b"", failed(500, "TypeError", "no")),
    ("slow", b"", failed(504, "FunctionTimeout")),
    ("nothing", b"", failed(404, "FunctionNotFound")),
    ("hello", b"{", failed(400, "InvalidPayload")),
    ("hello", b" " * (1024 * 1024 + 1), failed(413, "PayloadTooLarge")),
]


@pytest.mark.parametrize(("function", "payload", "expected"), CASES)
def test_workers_reply_as_the_fake_does(
    functions: DispatchFunctions, worker: Worker, function: str, payload: bytes, expected: Reply
) -> None:
    with functions.call(Call(worker.script, function, payload, 5)) as reply:
        real, ours = told(reply), told(expected)
        assert (reply.status, reply.ending) == (expected.status, expected.ending)
        assert set(real) - {"functions"} == set(ours)
        assert real.get("error", {}).get("name") == ours.get("error", {}).get("name")


SAFE = 2**53 - 1
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE, SAFE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
@settings(
    max_examples=pick(short=30, full=500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_json_goes_there_and_back(functions: DispatchFunctions, worker: Worker, payload: Any) -> None:
    sent = json.dumps(payload)
    with functions.call(Call(worker.script, "echo", sent.encode(), 5)) as reply:
        answer = b"".join(reply.body)
    # To JavaScript all numbers are floats.
    assert json.loads(answer, parse_int=float)["result"] == json.loads(sent, parse_int=float)


def test_a_payload_and_headers_arrive_and_the_dispatcher_adds_none_of_ours(
    functions: DispatchFunctions, worker: Worker
) -> None:
    headers = {"Idempotency-Key": "job_1", "X-Request-Id": "7"}
    with functions.call(Call(worker.script, "hello", b'{"a": [1, null]}', 5, headers)) as reply:
        result = told(reply)["result"]
    assert result["payload"] == {"a": [1, None]}
    assert result["key"] == "job_1"
    assert "x-request-id" in result["seen"]
    assert "authorization" not in result["seen"]


def test_a_large_result_comes_in_pieces(functions: DispatchFunctions, sandbox: Sandbox) -> None:
    large = deploy(sandbox, 'export const large = () => "x".repeat(5_000_000);')
    with functions.call(Call(large.script, "large", b"", 5)) as reply:
        chunks = list(reply.body)
    assert len(chunks) > 1
    assert len(json.loads(b"".join(chunks))["result"]) == 5_000_000


def test_a_key_is_given_to_a_worker_that_asks_for_it(functions: DispatchFunctions, sandbox: Sandbox) -> None:
    bindings = [{"type": "secret_text", "name": "KEY", "text": "canary-key"}]
    kept = deploy(sandbox, "export const hello = () => 1;", bindings=bindings, invokeKey="KEY")
    with functions.call(Call(kept.script, "hello", b"", 5, key="canary-key")) as reply:
        assert told(reply)["result"] == 1
    for key in (None, "another"):
        with (
            pytest.raises(RemoteForbidden) as refused,
            functions.call(Call(kept.script, "hello", b"", 5, key=key)),
        ):
            pass
        assert refused.value.error_code == "worker:key-refused"


def test_what_the_dispatcher_says_is_an_error(functions: DispatchFunctions, sandbox: Sandbox) -> None:
    with pytest.raises(RemoteMissing) as missing, functions.call(Call("nobody", "hello", b"", 5)):
        pass
    assert missing.value.error_code == "worker:not-up"
    sandbox.upload("broken", "export default { fetch() { throw new Error('no'); } };")
    with pytest.raises(RemoteRefused) as broken, functions.call(Call("broken", "hello", b"", 5)):
        pass
    assert broken.value.error_code == "worker:failed"
    sandbox.upload("page", "export default { fetch() { return new Response('hello'); } };")
    with pytest.raises(RemoteRefused), functions.call(Call("page", "hello", b"", 5)):
        pass
    told = '{ error: { code: "deployment:expired", details: { expiredAt: "2026" } } }'
    gone = f"export default {{ fetch() {{ return Response.json({told}, {{ status: 410 }}); }} }};"
    sandbox.upload("gone", gone)
    with pytest.raises(Gone) as expired, functions.call(Call("gone", "hello", b"", 5)):
        pass
    assert expired.value.details == {"expiredAt": "2026"}
