"""Metrics: what an operator watches, each with its name, its kind and its labels, and what counts for it.

`docs/operating.md` explains each (a test compares). Nothing is asked for or kept here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.domain.deployments import FINAL, Status
from app.domain.events import Tag


class MetricKind(StrEnum):
    """How a metric behaves, as Prometheus calls it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter's name ends in `_total`; `bounds` are those of a histogram's buckets."""

    name: str
    kind: MetricKind
    about: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a metric, or what is to be added to it; a histogram's are named as Prometheus names them."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def _counter(name: str, about: str, *labels: str) -> Metric:
    return Metric(f"branchline_{name}_total", MetricKind.COUNTER, about, labels)


def _gauge(name: str, about: str, *labels: str) -> Metric:
    return Metric(f"branchline_{name}", MetricKind.GAUGE, about, labels)


_MINUTES: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

EVENTS: Final = _counter("events", "Facts that were written down.", "tag")
DELIVERIES: Final = _counter("deliveries", "Deliveries that were worked off.", "source", "event", "outcome")
REDELIVERIES: Final = _counter("redeliveries", "Missed deliveries, by what was done about them.", "way")
DELIVERIES_WAITING: Final = _gauge("deliveries_waiting", "Deliveries that want work.", "status")
DELIVERIES_OLDEST: Final = _gauge("deliveries_oldest_waiting_seconds", "Age of the one that waits longest.")
JOBS_ENDED: Final = _counter("jobs_ended", "Jobs that ended.", "type", "result")
JOB_SECONDS: Final = Metric(
    "branchline_job_seconds", MetricKind.HISTOGRAM, "How long jobs took.", ("type",), _MINUTES
)
JOBS: Final = _gauge("jobs", "Jobs that are not over.", "type", "state")
JOBS_OLDEST: Final = _gauge("jobs_oldest_seconds", "Age of the oldest job in that state.", "state")
DEPLOYMENTS: Final = _counter("deployments", "Deployments that ended.", "environment", "result")
DEPLOYMENT_SECONDS: Final = Metric(
    "branchline_deployment_seconds",
    MetricKind.HISTOGRAM,
    "How long deployments took that became ready.",
    ("environment", "phase"),
    _MINUTES,
)
APPS: Final = _gauge("apps", "Apps.", "status")
DRIFTS_OPEN: Final = _gauge("drifts_open", "Differences from what is recorded that are not healed.", "kind")
WORKERS_ALIVE: Final = _gauge("workers_alive", "Jobs processes that live.")
REMOTE_CALLS: Final = _counter("remote_calls", "Calls that were sent.", "remote", "kind")
REMOTE_SILENCES: Final = _counter("remote_silences", "Times that a remote asked for silence.", "remote")
REMOTE_SILENT: Final = _gauge("remote_silent_seconds", "For how long nothing may be asked.", "remote")
WINDOW_USED: Final = _gauge("remote_window_used", "What is used of a window.", "remote", "window")
WINDOW_LIMIT: Final = _gauge("remote_window_limit", "What a window holds.", "remote", "window")
BUDGET_LEFT: Final = _gauge("remote_budget_left", "What a remote said is left.", "remote", "resource")
BUDGET_LIMIT: Final = _gauge("remote_budget_limit", "What it said there is.", "remote", "resource")
BUDGET_RESET: Final = _gauge(
    "remote_budget_reset_seconds", "When it said that it begins anew.", "remote", "resource"
)
DATABASE_PING: Final = _gauge("database_ping_seconds", "How long the database took for nothing.")
TOTALS_BEHIND: Final = _gauge("totals_behind_seconds", "Age of the newest fact that the totals know of.")

METRICS: Final = tuple(it for it in list(globals().values()) if isinstance(it, Metric))

_WAYS: Final[Mapping[str, str]] = {
    Tag.DELIVERY_REDELIVERY_REQUESTED: "asked",
    Tag.DELIVERY_FETCHED: "fetched",
    Tag.DELIVERY_LOST: "lost",
}
_DEPLOYMENT_ENDS: Final[Mapping[str, Status]] = {
    f"deployment:{status}": status for status in FINAL - {Status.REMOVED}
}
_JOB_ENDS: Final[Mapping[str, str]] = {Tag.JOB_COMPLETED: "completed", Tag.JOB_FAILED: "failed"}
JOB_ENDS: Final = frozenset(_JOB_ENDS)
DEPLOYMENT_ENDS: Final = frozenset(_DEPLOYMENT_ENDS)


def count_event(tag: str) -> Iterator[Sample]:
    """Yield what a fact adds whatever it is about."""
    yield Sample(EVENTS.name, 1, {"tag": tag})
    if tag in _WAYS:
        yield Sample(REDELIVERIES.name, 1, {"way": _WAYS[tag]})


def count_job(tag: str, job_type: str, seconds: float | None) -> Iterator[Sample]:
    """Yield what a job's end adds; `seconds` is None where nobody knows how long it took."""
    yield Sample(JOBS_ENDED.name, 1, {"type": job_type, "result": _JOB_ENDS[tag]})
    if seconds is not None:
        yield from observe(JOB_SECONDS, seconds, {"type": job_type})


def count_deployment(tag: str, environment: str, spans: Mapping[str, float]) -> Iterator[Sample]:
    """Yield what a deployment's end adds; `spans` maps phases to the seconds that they took."""
    result = _DEPLOYMENT_ENDS[tag]
    yield Sample(DEPLOYMENTS.name, 1, {"environment": environment, "result": result})
    if result is Status.READY:
        for phase, seconds in spans.items():
            yield from observe(DEPLOYMENT_SECONDS, seconds, {"environment": environment, "phase": phase})


def spans_of(phases: Mapping[str, float], total_seconds: float | None) -> Mapping[str, float]:
    """Return what a deployment's phases are told as: dependencies are part of what is built."""
    spans = {"total": total_seconds, "deploy": phases.get("deploy")}
    if "build" in phases:
        spans["build"] = phases.get("install", 0.0) + phases["build"]
    return {phase: seconds for phase, seconds in spans.items() if seconds is not None}


def observe(metric: Metric, value: float, labels: Mapping[str, str]) -> Iterator[Sample]:
    """Yield what one observation adds to a histogram: to every bucket that it fits into."""
    for bound in (*metric.bounds, float("inf")):
        if value <= bound:
            yield Sample(f"{metric.name}_bucket", 1, {**labels, "le": bound_text(bound)})
    yield Sample(f"{metric.name}_sum", value, labels)


def bound_text(bound: float) -> str:
    """Return a bucket's bound as Prometheus writes it."""
    return "+Inf" if bound == float("inf") else str(bound)
