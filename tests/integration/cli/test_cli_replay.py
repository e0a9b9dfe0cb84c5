"""`branchline deliveries replay` and the filters of the list."""

import json
from collections.abc import Callable

from tests.integration.cli.control import Control, Said

PLACE = "/api/deliveries/replay"


def test_the_named_are_replayed_one_by_one(control: Control, run: Callable[..., Said]) -> None:
    for guid in ("a", "b"):
        control.answer("POST", f"/api/deliveries/{guid}/replay", {"guid": guid}, status=202)
    said = run("deliveries", "replay", "a", "b", "--json")
    assert json.loads(said.out) == {"number": 2, "dryRun": False}
    assert [path for _, path, _ in control.asked] == [f"/api/deliveries/{it}/replay" for it in "ab"]


def test_all_that_fail_are_replayed(control: Control, run: Callable[..., Said]) -> None:
    control.answer("POST", PLACE, {"number": 3, "next": None, "dryRun": False}, status=202)
    said = run("deliveries", "replay", "--failed", "--event", "push")
    assert said.exit_code == 0
    assert "3" in said.out
    assert control.asked == [
        (
            "POST",
            PLACE,
            {"event": "push", "failed": True, "olderVersion": False, "dryRun": False, "after": 0},
        )
    ]


def test_a_rehearsal_says_so(control: Control, run: Callable[..., Said]) -> None:
    control.answer("POST", PLACE, {"number": 3, "next": None, "dryRun": True})
    said = run("deliveries", "replay", "--since", "2026-11-22T09:00+00:00", "--dry-run")
    assert "would be replayed" in said.out


def test_it_has_to_be_said_which(control: Control, run: Callable[..., Said]) -> None:
    assert run("deliveries", "replay").exit_code == 1
    assert run("deliveries", "replay", "a", "--failed").exit_code == 1
    assert run("deliveries", "replay", "--since", "yesterday").exit_code == 1
    assert control.asked == []


def test_a_list_is_filtered(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/deliveries", {"items": [], "nextCursor": None})
    said = run("deliveries", "list", "--status", "failed", "--event", "push", "--source", "github")
    assert said.exit_code == 0, said
