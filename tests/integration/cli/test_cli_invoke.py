"""`branchline workers invoke` against a control plane that answers what a test puts into it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import calls
from app.errors import RemoteRefused
from tests.integration.cli.control import Control, Said

Run = Callable[..., Said]
CALL = "/api/workers/greeter/functions/hello"
STREAM = "/api/workers/greeter/invoke/hello"
REST = "/api/workers/greeter/invocations/inv_1/events"
LINE = {"level": "log", "message": "a line\nof two", "timestamp": "2026-11-22T12:00:00.000Z"}
SUCCESS = {"success": True, "function": "hello", "result": {"a": "ü"}, "logs": [LINE], "duration": 3}
FAILURE = {
    "success": False,
    "function": "hello",
    "error": {"name": "TypeError", "message": "no", "stack": "TypeError: no\n    at hello"},
    "logs": [LINE],
    "duration": 3,
}
FAILED = "branchline: hello failed: TypeError: no [function:failed]\n"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PAUSE_SECONDS", 0)


def stream(*events: tuple[int, str, Any]) -> bytes:
    """Return events as they are sent, with a comment in front of each."""
    parts = (
        f": heartbeat\n\nevent: {name}\nid: inv_1:{number}\ndata: {json.dumps(data)}\n\n"
        for number, name, data in events
    )
    return "".join(parts).encode()


FIRST = (0, "invocation", {"invocation": "inv_1"})
LOG = (1, "log", LINE)
RESULT = (2, "result", {"success": True, "result": [1], "duration": 3})
ERROR = (2, "error", {"error": FAILURE["error"]})


def test_the_result_goes_to_stdout_and_lines_to_stderr(control: Control, run: Run) -> None:
    control.answer("POST", CALL, SUCCESS)
    said = run("workers", "invoke", "greeter", "hello", "--data", '{"n": 1}')
    assert (said.exit_code, said.err) == (0, "a line\nof two\n")
    assert json.loads(said.out) == {"a": "ü"}
    assert control.asked == [("POST", CALL, {"n": 1})]


def test_a_payload_comes_from_a_file_or_there_is_none(control: Control, run: Run, tmp_path: Path) -> None:
    (tmp_path / "payload.json").write_text("[1, 2]")
    control.answer("POST", CALL, SUCCESS)
    run("workers", "invoke", "greeter", "hello", "--data", f"@{tmp_path / 'payload.json'}")
    run("workers", "invoke", "greeter", "hello")
    assert [body for _, _, body in control.asked] == [[1, 2], None]


@pytest.mark.parametrize("data", ["{", "@/nowhere/payload.json", "hello"])
def test_what_is_no_payload_is_not_sent(control: Control, run: Run, data: str) -> None:
    said = run("workers", "invoke", "greeter", "hello", "--data", data)
    assert said.exit_code == 1
    assert "reading" in said.err
    assert control.asked == []


def test_a_function_that_failed_exits_with_1_and_shows_why(control: Control, run: Run) -> None:
    control.answer("POST", CALL, FAILURE, status=500)
    said = run("workers", "invoke", "greeter", "hello")
    assert (said.exit_code, said.out) == (1, "")
    assert said.err == f"a line\nof two\nTypeError: no\n    at hello\n{FAILED}"


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (502, "worker:failed", 2),
        (503, "remote:unavailable", 2),
        (429, "request:too-many", 2),
        (410, "worker:expired", 1),
        (404, "worker:not-found", 1),
    ],
)
def test_a_call_that_did_not_come_about_says_who_can_help(
    control: Control, run: Run, status: int, code: str, exit_code: int
) -> None:
    for path, how in ((CALL, []), (STREAM, ["--stream"])):
        control.refuse("POST", path, status, code, "no")
        said = run("workers", "invoke", "greeter", "hello", *how)
        assert (said.exit_code, said.err) == (exit_code, f"branchline: no [{code}]\n")


def test_what_nobody_understands_is_the_platforms(control: Control, run: Run) -> None:
    control.answer("POST", CALL, b"<html>")
    assert run("workers", "invoke", "greeter", "hello").exit_code == 2


@pytest.mark.parametrize("body", [b"oops", b"[1]", b"{}", b"[" * 100_000, b'{"logs": null}'])
def test_what_no_worker_answers_is_the_platforms_too(control: Control, run: Run, body: bytes) -> None:
    control.answer("POST", CALL, body)
    assert run("workers", "invoke", "greeter", "hello").exit_code == 2


@pytest.mark.parametrize("data", [b"oops", b"[1]", b"null", b"[" * 100_000])
def test_an_event_that_nobody_understands_is_the_platforms_too(
    control: Control, run: Run, data: bytes
) -> None:
    for name in (b"log", b"result", b"error"):
        control.answer("POST", STREAM, b"event: %s\nid: inv_1:1\ndata: %s\n\n" % (name, data))
        assert run("workers", "invoke", "greeter", "hello", "--stream").exit_code == 2


@pytest.mark.parametrize("strange", [None, 0, "x", [1], {"message": [1]}, "\ud800"])
def test_whatever_an_answer_says_is_printed(control: Control, run: Run, strange: Any) -> None:
    control.answer("POST", CALL, {"success": True, "result": strange, "logs": [strange, LINE]})
    said = run("workers", "invoke", "greeter", "hello")
    assert (said.exit_code, json.loads(said.out)) == (0, strange)
    assert said.err.endswith("a line\nof two\n")
    control.answer("POST", CALL, {"success": False, "error": strange, "logs": strange}, status=500)
    assert run("workers", "invoke", "greeter", "hello").exit_code == 1
    control.answer("POST", STREAM, stream(FIRST, (1, "log", {"message": strange}), (2, "error", {})))
    assert run("workers", "invoke", "greeter", "hello", "--stream").exit_code == 1


def test_a_stream_is_printed_as_it_comes(control: Control, run: Run) -> None:
    control.answer("POST", STREAM, stream(FIRST, LOG, RESULT))
    said = run("workers", "invoke", "greeter", "hello", "--stream", "--data", "7")
    assert (said.exit_code, said.err) == (0, "a line\nof two\n")
    assert json.loads(said.out) == [1]


def test_a_stream_that_ends_in_an_error_exits_with_1(control: Control, run: Run) -> None:
    control.answer("POST", STREAM, stream(FIRST, LOG, ERROR))
    said = run("workers", "invoke", "greeter", "hello", "--stream")
    assert said.exit_code == 1
    assert said.err.endswith(FAILED)


def test_a_stream_that_is_refused_says_what_the_worker_says(control: Control, run: Run) -> None:
    control.answer("POST", STREAM, FAILURE, status=404)
    assert run("workers", "invoke", "greeter", "hello", "--stream").err.endswith(FAILED)


def test_a_stream_that_is_cut_is_taken_up_again(control: Control, run: Run) -> None:
    control.answer("POST", STREAM, stream(FIRST, LOG))
    control.answer("GET", REST, b": heartbeat\n\n", stream(RESULT))
    said = run("workers", "invoke", "greeter", "hello", "--stream")
    assert (said.exit_code, said.err) == (0, "a line\nof two\n")
    assert [method for method, _, _ in control.asked] == ["POST", "GET", "GET"]


def test_a_stream_that_is_cut_again_and_again_is_given_up(control: Control, run: Run) -> None:
    control.answer("POST", STREAM, stream(FIRST, LOG))
    control.answer("GET", REST, b"")
    said = run("workers", "invoke", "greeter", "hello", "--stream")
    assert said.exit_code == 2
    assert said.err.endswith("the connection broke again and again [remote:unavailable]\n")


# Python and JavaScript each end lines at more than those that end lines of a stream.
WEIRD = "one\u2028two\u2029three\x85four\x0b \ufeff ü 🎈"
TOLD = (("log", {"message": WEIRD}), ("result", {"success": True, "result": WEIRD}))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_of_a_stream_ends_where_the_standard_says(control: Control, run: Run, end: str) -> None:
    control.answer("POST", STREAM, raw_stream(end))
    said = run("workers", "invoke", "greeter", "hello", "--stream")
    assert (said.exit_code, said.err.split()[:4]) == (0, ["one", "two", "three", "four"])
    assert json.loads(said.out) == WEIRD


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_of_a_stream_may_be_cut_anywhere(size: int, end: str) -> None:
    whole = raw_stream(end)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert [json.loads(it.data) for it in calls.sent_events(pieces)] == [told for _, told in TOLD]


def test_a_line_of_a_stream_may_not_grow_for_ever() -> None:
    pieces = (b"x" * 65_536 for _ in iter(int, 1))
    with pytest.raises(RemoteRefused, match="reading events: a line has more than"):
        next(calls.sent_events(pieces))


def raw_stream(end: str) -> bytes:
    """Return a line and a result, with nothing in them escaped that JSON lets stand as it is."""
    parts = (
        f": heartbeat\n\nevent: {name}\nid: inv_1:1\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
        for name, data in TOLD
    )
    return "".join(parts).replace("\n", end).encode()


def a_job(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "waitingFor": None, "error": None, "result": None, "steps": [], **more}


def test_a_job_calls_and_its_answer_is_shown(control: Control, run: Run) -> None:
    control.answer("POST", f"{CALL}/jobs", {"jobId": "job_1"}, status=202)
    control.answer("GET", "/api/jobs/job_1", a_job("completed", result={**SUCCESS, "attempts": 1}))
    said = run("workers", "invoke", "greeter", "hello", "--job", "--data", "null", "--retries", "0")
    assert (said.exit_code, said.err) == (0, "a line\nof two\n")
    assert control.asked[0] == ("POST", f"{CALL}/jobs", {"retries": 0, "payload": None})


def test_a_job_whose_function_failed_exits_with_1(control: Control, run: Run) -> None:
    control.answer("POST", f"{CALL}/jobs", {"jobId": "job_1"}, status=202)
    error = {"code": "function:failed", "message": "no", "details": {"answer": FAILURE, "attempts": 4}}
    control.answer("GET", "/api/jobs/job_1", a_job("failed", error=error))
    said = run("workers", "invoke", "greeter", "hello", "--job")
    assert (said.exit_code, said.err.endswith(FAILED)) == (1, True)
    assert control.asked[0] == ("POST", f"{CALL}/jobs", {"retries": 3})


def test_a_job_that_could_not_call_exits_with_2(control: Control, run: Run) -> None:
    control.answer("POST", f"{CALL}/jobs", {"jobId": "job_1"}, status=202)
    error = {"code": "worker:not-up", "message": "its script is not up", "details": {}}
    control.answer("GET", "/api/jobs/job_1", a_job("failed", error=error))
    assert run("workers", "invoke", "greeter", "hello", "--job").exit_code == 2


def test_a_job_has_no_stream(control: Control, run: Run) -> None:
    assert run("workers", "invoke", "greeter", "hello", "--job", "--stream").exit_code == 1
    assert control.asked == []


def test_a_deployments_function_is_called_as_a_workers_is(control: Control, run: Run) -> None:
    control.answer("POST", "/api/deployments/dep_1/functions/hello", SUCCESS)
    said = run("deployments", "invoke", "dep_1", "hello", "--data", "[1]")
    assert (said.exit_code, json.loads(said.out), said.err) == (0, {"a": "ü"}, "a line\nof two\n")
    assert control.asked == [("POST", "/api/deployments/dep_1/functions/hello", [1])]


def test_a_deployments_stream_is_gone_on_with_where_it_broke(control: Control, run: Run) -> None:
    control.answer("POST", "/api/deployments/dep_1/invoke/hello", stream(FIRST, LOG))
    control.answer("GET", "/api/deployments/dep_1/invocations/inv_1/events", stream(RESULT))
    said = run("deployments", "invoke", "dep_1", "hello", "--stream")
    assert (said.exit_code, json.loads(said.out), said.err) == (0, [1], "a line\nof two\n")


def test_a_deployments_function_that_failed_says_why(control: Control, run: Run) -> None:
    control.answer("POST", "/api/deployments/dep_1/functions/hello", FAILURE, status=500)
    said = run("deployments", "invoke", "dep_1", "hello")
    assert (said.exit_code, said.out, said.err.endswith(FAILED)) == (1, "", True)
