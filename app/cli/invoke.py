"""`branchline workers invoke`, `deployments invoke`: lines of a call go to stderr, its result to stdout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from app.cli.api import Api, pass_api
from app.cli.calls import Callee, Event, call, events
from app.cli.show import printable, show_json
from app.cli.waiting import timeout_option, wait_for_job
from app.errors import InvalidInput, RemoteRefused, UserError

_FAILED: Final = "function:failed"
_data_option = click.option("--data", help="The payload: JSON, or @FILE with JSON. Without it there is none.")
_stream_option = click.option("--stream", "as_stream", is_flag=True, help="Print lines as they are written.")


@click.command()
@click.argument("worker")
@click.argument("function")
@_data_option
@_stream_option
@click.option("--job", "as_job", is_flag=True, help="Have a job call it, so that it is not lost, and wait.")
@click.option("--retries", default=3, show_default=True, type=click.IntRange(0, 10), help="With --job.")
@timeout_option
@pass_api
def invoke(
    api: Api,
    worker: str,
    function: str,
    *,
    data: str | None,
    as_stream: bool,
    as_job: bool,
    retries: int,
    timeout: float,
) -> None:
    """Call a function of a worker. Exits with 1 when the function failed, with 2 when the platform did."""
    payload, callee = _payload(data), Callee("workers", worker, function)
    if as_stream and as_job:
        raise InvalidInput("invoking: a job has no stream; give --stream or --job")
    if as_job:
        answer = _by_job(api, callee, payload, retries, timeout)
    else:
        answer = _called(api, callee, payload, as_stream=as_stream)
    _show(function, answer)


@click.command("invoke")
@click.argument("deployment")
@click.argument("function")
@_data_option
@_stream_option
@pass_api
def invoke_deployed(api: Api, deployment: str, function: str, *, data: str | None, as_stream: bool) -> None:
    """Call a function as a deployment has it. Exits with 1 when it failed, with 2 when the platform did."""
    callee = Callee("deployments", deployment, function)
    _show(function, _called(api, callee, _payload(data), as_stream=as_stream))


def _payload(data: str | None) -> bytes:
    """Return what is sent; nothing for none. Raises InvalidInput for what is no JSON."""
    if data is None:
        return b""
    try:
        text = Path(data[1:]).read_text(encoding="utf-8") if data.startswith("@") else data
        json.loads(text)
    except OSError as error:
        raise InvalidInput(f"reading {data[1:]}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidInput(f"reading the payload: it is no JSON ({error})") from None
    return text.encode()


def _called(api: Api, callee: Callee, payload: bytes, *, as_stream: bool) -> Mapping[str, Any]:
    return _streamed(api, callee, payload) if as_stream else call(api, callee, payload)


def _streamed(api: Api, callee: Callee, payload: bytes) -> Mapping[str, Any]:
    """Print lines as they come, and return how it ended."""
    for event in events(api, callee, payload):
        if not isinstance(event, Event):
            return event
        told = _told(event)
        if event.name == "log":
            _show_lines([told])
        elif event.name == "error":
            return {**told, "success": False}
        elif event.name == "result":
            return {**told, "success": True}
    raise AssertionError("unreachable")


def _told(event: Event) -> Mapping[str, Any]:
    """Return what an event says. Raises RemoteRefused: code of an app's own may say anything."""
    try:
        told = json.loads(event.data)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise RemoteRefused(f"following {event.id}: an event says nothing that we understand")
    return told


def _by_job(
    api: Api, callee: Callee, payload: bytes, retries: int, timeout_seconds: float
) -> Mapping[str, Any]:
    body = {"retries": retries, **({"payload": json.loads(payload)} if payload else {})}
    job_id = api.post("workers", callee.owner, "functions", callee.function, "jobs", body=body)["jobId"]
    try:
        return dict(wait_for_job(api, job_id, timeout_seconds)["result"])
    except RemoteRefused as error:
        if error.error_code != _FAILED:
            raise
        return dict(api.get("jobs", job_id)["error"]["details"]["answer"])


def _show(function: str, answer: Mapping[str, Any]) -> None:
    """Print what a function answered. Raises UserError when it failed."""
    _show_lines(answer.get("logs"))
    if answer["success"]:
        if "note" in answer:
            click.echo(printable(answer["note"]), err=True)
        result: Any = answer.get("result")
        show_json(result)
        return
    told = answer.get("error")
    error = told if isinstance(told, dict) else {"message": told}
    _show_text(error.get("stack"))
    raise UserError(
        f"{function} failed: {error.get('name', 'Error')}: {error.get('message', '')}", code=_FAILED
    )


def _show_lines(lines: Any) -> None:
    """Print the messages of lines; what is no line is passed over."""
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict):
            _show_text(line.get("message"))


def _show_text(text: Any) -> None:
    for line in str(text or "").splitlines():
        click.echo(printable(line), err=True)
