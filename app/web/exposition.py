"""Metrics as Prometheus' library takes them: of all processes together, and of this one.

What is asked of the database is some seconds old at most. Who may read it is not known here.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from app.domain.metrics import METRICS, Metric, MetricKind, Sample, bound_text
from app.errors import RemoteUnavailable
from app.ports import Metrics

log = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 3.0


class Watched:
    """The metrics of this process and of all together; `access` is token, open or off."""

    def __init__(
        self, metrics: Metrics, access: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.access = access
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_Collector(metrics, monotonic))
        ProcessCollector(registry=self.registry)


class _Collector(Collector):
    """Asks for all values, at most every few seconds."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: Sequence[Family] = ()
        self._kept_until = float("-inf")

    def describe(self) -> Iterable[Family]:
        """Name nothing in advance, so that registering asks for nothing."""
        return ()

    def collect(self) -> Iterable[Family]:
        """Return all families. Raises RemoteUnavailable."""
        with self._lock:
            if self._monotonic() >= self._kept_until:
                self._kept = families(self._read())
                self._kept_until = self._monotonic() + _KEPT_SECONDS
            return self._kept

    def _read(self) -> Sequence[Sample]:
        try:
            self._metrics.advance()
        except RemoteUnavailable as error:
            log.warning("counting for metrics: %s", error.message)  # the totals go on with the next look
        return self._metrics.read()


def families(samples: Sequence[Sample]) -> Sequence[Family]:
    """Return samples as the families of the library, in the order of our list."""
    by_name = defaultdict[str, list[Sample]](list)
    for sample in samples:
        by_name[sample.name].append(sample)
    return [_family(metric, by_name) for metric in METRICS]


def _family(metric: Metric, samples: Mapping[str, Sequence[Sample]]) -> Family:
    family = Family(metric.name.removesuffix("_total"), metric.about, metric.kind.value)
    if metric.kind is MetricKind.HISTOGRAM:
        _add_histogram(family, metric, samples)
    for sample in samples.get(metric.name, ()):
        family.add_sample(sample.name, dict(sample.labels), sample.value)
    return family


def _add_histogram(family: Family, metric: Metric, samples: Mapping[str, Sequence[Sample]]) -> None:
    """Add every bucket there is of each set of labels, in order, also those that nothing fell into."""
    counted = {
        (_others(sample.labels), sample.labels["le"]): sample.value
        for sample in samples.get(f"{metric.name}_bucket", ())
    }
    for sample in samples.get(f"{metric.name}_sum", ()):
        labels, others, number = dict(sample.labels), _others(sample.labels), 0.0
        for bound in map(bound_text, (*metric.bounds, float("inf"))):
            number = counted.get((others, bound), number)
            family.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, number)
        family.add_sample(f"{metric.name}_count", labels, number)
        family.add_sample(f"{metric.name}_sum", labels, sample.value)


def _others(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in labels.items() if name != "le")
