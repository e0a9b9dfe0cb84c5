"""`branchline drift`, `branchline reconcile` and `branchline apps heal`: what they ask for and say."""

import json
from collections.abc import Callable
from typing import Any

from tests.integration.cli.control import Control, Said

ITEM: dict[str, Any] = {
    "appId": "app_1",
    "kind": "workflow:edited",
    "subject": ".github/workflows/deploy.yml",
    "facts": {"error": "the branch moved"},
    "healedBy": "all",
    "foundAt": "2026-11-22T12:00:00+00:00",
    "seenAt": "2026-11-22T12:00:00+00:00",
}
ESTIMATE = {"apps": 1000, "scripts": 30_000, "githubCalls": 50, "cloudflareCalls": 34, "seconds": 89}
JOB: dict[str, Any] = {"status": "completed", "waitingFor": None, "error": None, "steps": []}


def test_all_drift_is_listed(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/drift", {"items": [ITEM], "nextCursor": None})
    said = run("drift")
    assert said.exit_code == 0
    assert "workflow:edited" in said.out
    assert "the branch moved" in said.out


def test_drift_of_one_app_is_listed_as_json(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/apps/hello/drift", {"appId": "app_1", "heal": "safe", "items": [ITEM]})
    assert json.loads(run("drift", "hello", "--json").out) == [ITEM]


def look(control: Control, run: Callable[..., Said], *words: str) -> Said:
    control.answer("POST", "/api/apps/hello/drift", {"jobId": "job_1"}, status=202)
    control.answer("GET", "/api/jobs/job_1", {**JOB, "result": {"found": 0, "healed": 0}})
    control.answer("GET", "/api/apps/hello/drift", {"appId": "app_1", "heal": "safe", "items": []})
    return run("drift", "hello", *words)


def test_a_look_is_waited_for_and_heals_nothing(control: Control, run: Callable[..., Said]) -> None:
    said = look(control, run, "--look")
    assert (said.exit_code, said.out) == (0, "")
    assert "nothing differs" in said.err
    assert control.asked[0] == ("POST", "/api/apps/hello/drift", {"heal": "off"})


def test_healing_says_how_far(control: Control, run: Callable[..., Said]) -> None:
    assert look(control, run, "--heal", "all").exit_code == 0
    assert control.asked[0] == ("POST", "/api/apps/hello/drift", {"heal": "all"})


def test_one_app_is_healed_at_a_time(control: Control, run: Callable[..., Said]) -> None:
    assert run("drift", "--heal", "all").exit_code == 1
    assert control.asked == []


def test_a_pass_is_estimated(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/reconcile", ESTIMATE)
    assert run("reconcile", "--estimate").out.splitlines() == [
        "apps              1000",
        "scripts           30000",
        "GitHub calls      50",
        "Cloudflare calls  34",
        "seconds           89",
    ]


def test_a_pass_is_waited_for(control: Control, run: Callable[..., Said]) -> None:
    control.answer("POST", "/api/reconcile", {"jobId": "job_1", "estimate": ESTIMATE}, status=202)
    control.answer("GET", "/api/jobs/job_1", {**JOB, "result": {"scripts": 7, "appsToHeal": 2}})
    said = run("reconcile")
    assert said.exit_code == 0
    assert said.out.splitlines()[-2:] == ["scripts seen  7", "apps to heal  2"]


def test_a_policy_is_decided(control: Control, run: Callable[..., Said]) -> None:
    control.answer("PATCH", "/api/apps/hello", {"appId": "app_1", "heal": "safe", "isOwn": False})
    assert run("apps", "heal", "hello", "default").out == "hello heals safe\n"
    assert control.asked[0][2] == {"heal": None}
    assert run("apps", "heal", "hello", "some").exit_code == 1
