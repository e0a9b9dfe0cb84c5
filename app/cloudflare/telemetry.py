"""What scripts said, from Workers Observability, which our uploads switch on for each of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from app.cloudflare.client import Cloudflare
from app.domain.limits import CallKind
from app.ports.runtime_logs import RuntimeLine

_QUERY: Final = "workers/observability/telemetry/query"
_LONGEST_MESSAGE: Final = 20_000


class CloudflareRuntimeLogs:
    """Port `RuntimeLogs`."""

    # https://developers.cloudflare.com/api/resources/workers/subresources/observability/subresources/telemetry/
    def __init__(self, cloudflare: Cloudflare) -> None:
        self._cloudflare = cloudflare

    def newest(
        self, scripts: Sequence[str], *, since: datetime, until: datetime, limit: int
    ) -> Sequence[RuntimeLine]:
        """Return the newest lines of scripts, oldest first: one question for each script."""
        found = [line for script in scripts for line in self._of(script, since, until, limit)]
        return sorted(found, key=lambda line: (line.at, line.id))[-limit:]

    def _of(self, script: str, since: datetime, until: datetime, limit: int) -> Sequence[RuntimeLine]:
        doing = f"asking what {script} said"
        question = _question(script, since, until, limit)
        answer = self._cloudflare.request("POST", _QUERY, doing=doing, body=question, kind=CallKind.QUESTION)
        events = ((answer or {}).get("events") or {}).get("events") or []
        return [_line(event, script) for event in events if isinstance(event, dict)]


def _question(script: str, since: datetime, until: datetime, limit: int) -> dict[str, Any]:
    # On a dispatch namespace each script's lines bear its own name, not the dispatcher's.
    of_script = {"key": "$metadata.service", "operation": "eq", "type": "string", "value": script}
    return {
        "queryId": "branchline",
        "view": "events",
        "limit": limit,
        "timeframe": {"from": _milliseconds(since), "to": _milliseconds(until)},
        "parameters": {"datasets": ["cloudflare-workers"], "filters": [of_script]},
    }


def _line(event: Mapping[str, Any], script: str) -> RuntimeLine:
    told = _part(event, "$metadata")
    return RuntimeLine(
        id=str(told.get("id") or ""),
        at=datetime.fromtimestamp(int(event.get("timestamp") or 0) / 1000, UTC),
        script=str(told.get("service") or script),
        level=str(told.get("level") or "log"),
        message=str(told.get("message") or told.get("error") or "")[:_LONGEST_MESSAGE],
        request=_request(event),
    )


def _request(event: Mapping[str, Any]) -> str | None:
    request = _part(_part(_part(event, "$workers"), "event"), "request")
    words = [str(request[name]) for name in ("method", "url") if request.get(name)]
    return " ".join(words) or None


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
