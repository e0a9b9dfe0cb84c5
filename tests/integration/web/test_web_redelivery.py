"""`POST /api/deliveries/redeliver`: a job that looks for what was missed."""

from typing import Any

import pytest

from tests.integration.web.world import World


def asked(world: World, body: Any) -> dict[str, Any]:
    answer = world.call("POST", "/api/deliveries/redeliver", json=body)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = world.get(f"/api/jobs/{answer.get_json()['jobId']}")
    return job


def test_it_is_a_job(world: World) -> None:
    job = asked(world, {})
    assert (job["type"], job["status"]) == ("redeliver", "queued")


def test_it_may_begin_earlier(world: World) -> None:
    job = asked(world, {"since": "2026-11-22T10:00:00+01:00"})
    with world.records.read() as tx:
        kept = tx.jobs.get(job["id"])
    assert kept.arguments == {"since": "2026-11-22T10:00:00+01:00"}


@pytest.mark.parametrize("body", [{"since": "yesterday"}, {"since": "2026-11-22T10:00:00"}, {"until": 1}, []])
def test_what_is_no_time_is_refused(world: World, body: Any) -> None:
    assert world.call("POST", "/api/deliveries/redeliver", json=body).status_code == 400


def test_it_takes_the_token(world: World) -> None:
    answer = world.call("POST", "/api/deliveries/redeliver", json={}, headers={})
    assert answer.status_code == 401
