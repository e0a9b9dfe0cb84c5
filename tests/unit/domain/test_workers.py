"""Workers: how they stand, what they are called, and what can be called of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.environments import Environment
from app.domain.workers import (
    LEASE,
    MAXIMUM_FUNCTIONS,
    Calls,
    Options,
    WorkerStatus,
    check_function_names,
    check_options,
    is_function_name,
    worker_tags,
)
from app.errors import InvalidInput, Unprocessable
from tests.builders import NOON, a_version, a_worker, at


def test_a_worker_is_creating_until_something_is_up_or_nothing_will_be() -> None:
    assert a_worker().status is WorkerStatus.CREATING
    assert a_worker(error="it did not answer").status is WorkerStatus.ERROR
    ready = a_worker(version_id="ver_0001", error="the last one did not go up")
    assert ready.status is WorkerStatus.READY
    assert replace(ready, expired_at=at(1)).status is WorkerStatus.EXPIRED


def test_a_hold_keeps_others_out_until_it_ends() -> None:
    held = a_worker().held("ver_0001", NOON)
    assert held.is_held("ver_0002", NOON)
    assert not held.is_held("ver_0001", NOON)
    assert not held.is_held("ver_0002", NOON + LEASE)
    assert not held.freed().is_held("ver_0002", NOON)
    assert not held.is_settled


@pytest.mark.parametrize(
    ("environment", "script"),
    [(Environment.PRODUCTION, "wslug001"), (Environment.STAGING, "staging-wslug001")],
)
def test_a_worker_answers_where_an_app_of_its_slug_would(environment: Environment, script: str) -> None:
    assert a_worker(environment=environment).script == script


def test_every_script_of_a_worker_can_be_found_by_its_tags() -> None:
    worker, version = a_worker(), a_version()
    shared = ["app-wslug001", "env-production", "deployment-ver_0001", "worker-wslug001"]
    assert worker_tags(worker, version, worker.script) == shared
    assert worker_tags(worker, version, version.own_script) == [*shared, "own-wslug001"]


@pytest.mark.parametrize("name", ["hello", "default", "delete", "_", "$", "größe", "関数", "a" * 100])
def test_identifiers_can_be_called(name: str) -> None:
    assert check_function_names((name,)) == (name,)


@pytest.mark.parametrize(
    "name", ["", "a/b", "hello world", "a.b", "1st", "a" * 101, "☂", "../x", "a\0", "a%2f"]
)
def test_other_names_cannot(name: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        check_function_names(("hello", name))
    assert refused.value.error_code == "worker:invalid-export"


@given(st.text())
def test_a_name_that_can_be_called_stays_one_part_of_an_address(name: str) -> None:
    if is_function_name(name):
        assert not set(name) & set("/?#%.\\ :&=+\0\r\n")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ((), "worker:no-functions"),
        (tuple(f"f{number}" for number in range(MAXIMUM_FUNCTIONS + 1)), "worker:too-many-functions"),
    ],
)
def test_a_module_has_some_functions_and_not_too_many(names: tuple[str, ...], code: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        check_function_names(names)
    assert refused.value.error_code == code


@pytest.mark.parametrize(
    "options",
    [
        Options(timeout_ms=0),
        Options(timeout_ms=300_001),
        Options(max_payload_bytes=0),
        Options(max_payload_bytes=10 * 1024 * 1024 + 1),
        Options(cors_origins=("*",) * 101),
        Options(cors_origins=("https://shop.example/",)),
        Options(cors_origins=("shop.example",)),
        Options(cors_origins=("https://user@shop.example",)),
        Options(cors_origins=("null",)),
    ],
)
def test_options_have_bounds(options: Options) -> None:
    with pytest.raises(InvalidInput):
        check_options(options)


def test_options_come_back_from_json() -> None:
    origins = ("*", "https://shop.example", "http://localhost:5173", "http://[::1]:80")
    options = check_options(Options(origins, 1, 2, has_invoke_key=True))
    assert Options.from_json(options.to_json()) == options


def test_calls_add_up() -> None:
    assert Calls(1, 1, at(9)).plus(Calls(2, 0, at(3))) == Calls(3, 1, at(9))
