"""What is said of metrics is so: each is explained, alerts are on some that exist, and say what to do."""

import re
from pathlib import Path
from typing import Any

import yaml

from app.domain.metrics import METRICS, MetricKind

ROOT = Path(__file__).parents[2]
OPERATING = (ROOT / "docs/operating.md").read_text()
SECTION = OPERATING.partition("## What to watch")[2].partition("\n## ")[0]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus-rules.yml").read_text())["groups"]
    for rule in group["rules"]
]


def test_every_metric_is_explained_with_its_labels() -> None:
    rows = re.findall(r"^\| `(branchline_\w+)` \| ([^|]*)\|", SECTION, re.MULTILINE)
    told = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert told == {it.name: it.labels for it in METRICS}


def test_alerts_are_on_metrics_and_labels_that_exist() -> None:
    known = {it.name: set(it.labels) for it in METRICS}
    known |= {
        f"{it.name}{end}": {*it.labels, "le"}
        for it in METRICS
        if it.kind is MetricKind.HISTOGRAM
        for end in ("_bucket", "_sum", "_count")
    }
    for rule in RULES:
        names = re.findall(r"\b(branchline_\w+)", rule["expr"])
        assert names or rule["alert"] == "BranchlineDown"
        assert set(names) <= set(known), rule["alert"]
        labels = {it for group in re.findall(r"by \(([^)]*)\)", rule["expr"]) for it in group.split(", ")}
        labels |= set(re.findall(r'[{,]\s*(\w+)="', rule["expr"])) - {"job"}
        assert labels <= {label for name in names for label in known[name]}, rule["alert"]
        shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) - {"instance"}
        assert shown <= labels, rule["alert"]


def test_every_alert_says_what_to_do() -> None:
    advised = re.findall(r"^\| `(Branchline\w+)` \| \S", SECTION, re.MULTILINE)
    assert advised == [rule["alert"] for rule in RULES]
