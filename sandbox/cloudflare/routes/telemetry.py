"""Workers Observability: what scripts logged and threw, as events that can be filtered.

Of the query language it knows the view `events`, the operations eq, neq, includes and not_includes joined by
"and", the needle and the time frame. https://developers.cloudflare.com/api/resources/workers/
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response

from sandbox.cloudflare import errors
from sandbox.cloudflare.envelope import ok
from sandbox.cloudflare.model import Json, new_id
from sandbox.cloudflare.routes.body import json_object
from sandbox.cloudflare.routes.world import world

routes = Blueprint("telemetry", __name__)
ScriptName = tuple[str, str]
_DEFAULT_EVENTS = 50
_MOST_EVENTS = 2000
_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, value: found == value,
    "neq": lambda found, value: found != value,
    "includes": lambda found, value: str(value) in str(found or ""),
    "not_includes": lambda found, value: str(value) not in str(found or ""),
}


@routes.post("/accounts/<account_id>/workers/observability/telemetry/query")
def query(account_id: str) -> Response:
    """Return the newest events that pass all filters."""
    question = json_object()
    if question.get("view", "events") != "events":
        raise errors.invalid_request("this sandbox answers the view 'events' only")
    limit = min(int(question.get("limit", _DEFAULT_EVENTS)), _MOST_EVENTS)
    found = [event for event in _all_events() if _passes(event, question)]
    found.sort(key=lambda event: -int(event["timestamp"]))
    events = {"count": len(found), "events": found[:limit], "fields": []}
    return ok({"run": _run(account_id, question), "statistics": _statistics(len(found)), "events": events})


def events_of(namespace: str, script: str) -> Iterator[Json]:
    """Yield an event for every log line and exception of a script, newest invocation first."""
    for invocation in world().logs.read(namespace, script):
        for line in invocation["logs"]:
            text = " ".join(_words(line["message"]))
            yield _event((namespace, script), invocation, line["timestamp"], line["level"], text)
        for thrown in invocation["exceptions"]:
            text = "\n".join(filter(None, [f"{thrown['name']}: {thrown['message']}", thrown.get("stack")]))
            yield _event((namespace, script), invocation, thrown["timestamp"], "error", text)


def _all_events() -> Iterator[Json]:
    for namespace, script in world().logs.scripts():
        yield from events_of(namespace, script)


def _event(name: ScriptName, invocation: Json, timestamp: int, level: str, text: str) -> Json:
    namespace, script = name
    request = {"method": invocation["method"], "url": invocation["url"]}
    return {
        "$metadata": {
            "id": new_id(),
            "service": script,
            "level": level,
            "message": text,
            "type": "cf-worker",
        },
        "$workers": {
            "scriptName": script,
            "dispatchNamespace": namespace,
            "outcome": invocation["outcome"],
            "eventType": "fetch",
            "scriptVersion": {"id": invocation["version"]},
            "event": {"request": request, "response": {"status": invocation["status"]}},
        },
        "dataset": "cloudflare-workers",
        "source": {"level": level, "message": text},
        "timestamp": timestamp,
    }


def _words(message: Any) -> list[str]:
    """Return the arguments of a console call as text."""
    values = message if isinstance(message, list) else [message]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def _passes(event: Json, question: Json) -> bool:
    parameters = question.get("parameters") or {}
    frame = question.get("timeframe") or {}
    if not frame.get("from", 0) <= event["timestamp"] <= frame.get("to", float("inf")):
        return False
    needle = (parameters.get("needle") or {}).get("value")
    if needle is not None and str(needle) not in event["$metadata"]["message"]:
        return False
    return all(_filter_passes(event, condition) for condition in parameters.get("filters") or [])


def _filter_passes(event: Json, condition: Json) -> bool:
    operation = _OPERATIONS.get(condition.get("operation", ""))
    if operation is None:
        raise errors.invalid_request(f"filter operation must be one of {', '.join(_OPERATIONS)}")
    found: Any = event
    for key in str(condition.get("key")).split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return operation(found, condition.get("value"))


def _run(account_id: str, question: Json) -> Json:
    return {
        "id": new_id(),
        "accountId": account_id,
        "dry": True,
        "granularity": 0,
        "query": {"id": question.get("queryId", ""), "parameters": question.get("parameters") or {}},
        "status": "COMPLETED",
        "timeframe": question.get("timeframe") or {},
        "userId": world().user_id,
    }


def _statistics(rows: int) -> Json:
    return {"bytes_read": 0, "elapsed": 0, "rows_read": rows}
