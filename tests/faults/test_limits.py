"""G2: any number of processes at once keep together to what GitHub and Cloudflare allow."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults.counting import counting
from tests.faults.figures import Figures, Form

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# What was sent before anybody could know: an answer takes its way back, and through the database.
UNDER_WAY_SECONDS = 0.1


def processes(apps: int, number: int, **orders: Any) -> list[dict[str, Any]]:
    """Have processes do the work of apps, and return what each says in the end."""
    started = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.faults.etiquette_process",
                json.dumps({**orders, "apps": list(range(one, apps, number))}),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in range(number)
    ]
    return [json.loads(it.communicate(timeout=orders["seconds"] + 60)[0]) for it in started]


def test_fifty_apps_at_once_write_no_faster_than_github_asks_for(
    migrated_postgres_url: str, form: Form, figures: Figures
) -> None:
    apps, writes, seconds = form.pick(short=(6, 2, 60), full=(50, 11, 1500))
    with counting() as github:
        github.refuse_after = form.pick(short=[14], full=[100, 300, 500, 700, 900])
        github.silence_seconds = form.pick(short=3, full=20)
        ended = processes(
            apps,
            form.pick(short=3, full=4),
            remote="github",
            url=github.url,
            database=migrated_postgres_url,
            writes=writes,
            pause=1.0,
            seconds=seconds,
        )
        sent = github.writes()
    gaps = [after - before for before, after in pairwise(sent)]
    rate, longest = (len(sent) - 1) / (sent[-1] - sent[0]), max(it["longest"] for it in ended)
    figures.tell("G2", "apps at once, processes", f"{apps}, {len(ended)}")
    figures.tell("G2", "writes", len(sent))
    figures.tell("G2", "writes per second", round(rate, 3))
    figures.tell("G2", "shortest gap between writes in seconds", round(min(gaps), 3))
    figures.tell("G2", "calls before Retry-After ended", github.early(UNDER_WAY_SECONDS))
    figures.tell("G2", "longest that a thread was held in seconds", round(longest, 2))
    assert sum(it["given_up"] for it in ended) == 0
    assert len(sent) >= apps * writes
    assert rate <= 1
    assert min(gaps) >= 1
    assert github.early(UNDER_WAY_SECONDS) == 0
    assert longest <= 15


def test_no_number_of_processes_exceeds_the_window_of_cloudflare(
    migrated_postgres_url: str, form: Form, figures: Figures
) -> None:
    window, most, seconds = form.pick(short=(3.0, 150, 8), full=(300.0, 1200, 900))
    with counting() as cloudflare:
        processes(
            form.pick(short=6, full=16),
            form.pick(short=3, full=8),
            remote="cloudflare",
            url=cloudflare.url,
            database=migrated_postgres_url,
            window_seconds=window,
            most=most,
            seconds=seconds,
        )
        busiest = cloudflare.most_within(window)
    figures.tell("G2", "busiest window of Cloudflare, of those allowed", f"{busiest} of {most}")
    assert busiest <= most
    assert busiest >= most * 0.4


def test_a_refusal_of_cloudflare_silences_every_process(
    migrated_postgres_url: str, form: Form, figures: Figures
) -> None:
    with counting() as cloudflare:
        cloudflare.refuse_after, cloudflare.refusal = form.pick(short=[40], full=[40, 400, 900]), 429
        cloudflare.silence_seconds = 3
        processes(
            6,
            3,
            remote="cloudflare",
            url=cloudflare.url,
            database=migrated_postgres_url,
            window_seconds=300.0,
            most=100_000,
            seconds=form.pick(short=6, full=40),
        )
        # A process looks four times a second whether others were told; on a busy machine it takes longer.
        early = cloudflare.early(1.0)
    figures.tell("G2", "calls to Cloudflare in a silence, but for its first second", early)
    assert cloudflare.refused
    assert early == 0
