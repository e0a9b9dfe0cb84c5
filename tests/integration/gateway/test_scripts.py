"""A script goes up whole or not at all, and its author is told in Cloudflare's own words why not."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.cloudflare.gateway import modules as module_rules
from app.domain.deployments import Status
from app.domain.jobs import JobType
from app.errors import RateLimited, RemoteUnavailable, ScriptRefused
from app.pipeline.known import alias_of
from app.ports import Upload
from tests.integration.gateway.world import (
    CODE,
    FORM,
    JAVASCRIPT,
    METADATA,
    World,
    form,
    refusal,
    refused_with,
    result,
)

MAIN = ("index.js", CODE, JAVASCRIPT)


def test_a_script_goes_live_with_its_environment(world: World) -> None:
    world.provide("COLOUR", "blue")
    answer = result(world.put())
    assert answer["id"] == "slug0001"
    assert len(answer["deployment_id"]) == 32
    live = world.live()
    assert live is not None
    names = {binding["name"]: binding for binding in live.bindings}
    assert names["GREETING"]["text"] == "hello"
    assert names["COLOUR"]["text"] == "blue"
    assert names["BRANCHLINE_DEPLOYMENT"]["text"] == world.deployment.id
    assert "app-slug0001" in live.tags
    assert f"deployment-{world.deployment.id}" in live.tags
    kept = world.kept()
    assert kept.bundle == live.bundle.digest
    assert world.bundles.load(live.bundle.digest) == live.bundle
    assert world.scripts.uploads.keys() == {
        ("live-production", "slug0001"),
        ("live-production", kept.own_script),
    }


def test_modules_of_every_kind(world: World) -> None:
    modules = [
        MAIN,
        ("./0a-add.wasm", b"\0asm", "application/wasm"),
        ("note.txt", b"text", "text/plain"),
        ("data.bin", b"\xff\0", "application/octet-stream"),
        ("lib/name.js", b"export default 1", JAVASCRIPT),
        ("index.js.map", b"{}", "application/source-map"),
    ]
    assert world.put(modules=modules).status_code == 200
    kept = {module.name: world.bundles.blobs[module.sha256] for module in world.bundle().modules}
    assert kept == {name: content for name, content, _ in modules[:-1]}


def test_metadata_may_come_last(world: World) -> None:
    body = form([MAIN, ("metadata", json.dumps(METADATA).encode(), None)])
    assert world.put_raw(body).status_code == 200


def test_a_site_without_code(world: World) -> None:
    token = world.upload({"/index.html": b"<h1>hello</h1>"})
    metadata = {"assets": {"jwt": token, "config": {}}, "compatibility_date": "2026-10-01"}
    assert world.put(metadata, modules=[]).status_code == 200
    assert world.bundle().main_module is None


def test_a_required_secret_comes_from_the_environment(world: World) -> None:
    metadata = {**METADATA, "bindings": [{"name": "API_KEY", "type": "inherit"}]}
    status, faults = refusal(world.put(metadata))
    assert (status, faults[0][0]) == (400, 10021)
    assert faults[0][1].startswith("binding API_KEY: ")
    world.provide("API_KEY", "k")
    assert world.put(metadata).status_code == 200
    assert world.bundle().bindings == ()


def test_an_upload_may_be_repeated_with_the_same_bytes_and_no_others(world: World) -> None:
    assert world.put().status_code == 200
    assert world.put().status_code == 200
    answer = world.put(modules=[("index.js", b"export default {}; // other", JAVASCRIPT)])
    assert refused_with(answer) == (409, 10409)
    assert world.bundle().modules[0].size_bytes == len(CODE)


# -------------------- bad input


@pytest.mark.parametrize(
    "changes",
    [
        {"bindings": [{"name": "X", "type": "kv_namespace", "namespace_id": "0" * 32}]},
        {"bindings": [{"name": "X", "type": "dispatch_namespace", "namespace": "live-production"}]},
        {"bindings": [{"name": "X", "type": "service", "service": "slug0002"}]},
        {"bindings": [{"name": "BRANCHLINE_ENVIRONMENT", "type": "plain_text", "text": "production"}]},
        {"tags": ["app-slug0002"]},
        {"limits": {"cpu_ms": 300_000}},
        {"tail_consumers": [{"service": "spy"}]},
        {"main_module": "absent.js"},
        {"compatibility_date": "soon"},
    ],
)
def test_metadata_that_asks_for_too_much(world: World, changes: dict[str, Any]) -> None:
    assert refused_with(world.put({**METADATA, **changes})) == (400, 10021)
    assert world.live() is None
    assert world.kept() == world.deployment


def test_each_problem_is_an_error_of_its_own(world: World) -> None:
    _, faults = refusal(world.put({**METADATA, "tags": ["x"], "limits": {"cpu_ms": 1}}))
    assert [message.split(":")[0] for _, message in faults] == ["tags", "limits"]


@pytest.mark.parametrize(
    "modules",
    [
        [],
        [("index.js", CODE, "text/html")],
        [MAIN, MAIN],
        [MAIN, ("../x.js", CODE, JAVASCRIPT)],
        [MAIN, ("/etc/passwd", CODE, JAVASCRIPT)],
        [("index.js", CODE, None)],
    ],
)
def test_modules_that_make_no_script(world: World, modules: list[Any]) -> None:
    assert refused_with(world.put(modules=modules)) == (400, 10021)
    assert world.live() is None


def test_more_modules_than_a_script_has(world: World) -> None:
    modules = [(f"{number}.js", b"", JAVASCRIPT) for number in range(module_rules.MAXIMUM_MODULES + 1)]
    assert refused_with(world.put(modules=modules)) == (413, 10027)


def test_more_code_than_cloudflare_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_rules, "MAXIMUM_BYTES", 1000)
    parts = [("index.js", b"x" * 600, JAVASCRIPT), ("b.js", b"y" * 401, JAVASCRIPT)]
    assert refused_with(world.put(modules=parts)) == (413, 10027)
    assert world.put(modules=[("index.js", b"x" * 1000, JAVASCRIPT)]).status_code == 200


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"a":' * 50_000, 400),
        (b'"' + b"x" * 1024 * 1024 + b'"', 413),
    ],
)
def test_metadata_that_is_none(world: World, metadata: bytes, status: int) -> None:
    assert refusal(world.put_raw(form([("metadata", metadata, None), MAIN])))[0] == status


def test_no_metadata_at_all(world: World) -> None:
    status, faults = refusal(world.put_raw(form([MAIN])))
    assert (status, faults) == (400, [(10021, "metadata: the part is missing")])


def test_an_upload_that_says_that_it_is_too_large_is_not_read(world: World) -> None:
    said = {"CONTENT_LENGTH": str(100 * 1024 * 1024 + 1)}
    headers = {**world.grant(), **FORM}
    answer = world.call("PUT", world.script_path, headers=headers, environ_overrides=said)
    assert refused_with(answer) == (413, 10027)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.6, 0.99])
def test_an_upload_that_breaks_off_leaves_nothing_but_bytes(world: World, part: float) -> None:
    body = form([("metadata", json.dumps(METADATA).encode(), None), MAIN]).rstrip()
    answer = world.put_raw(body[: int(len(body) * part)])
    assert refused_with(answer) == (400, 10001)
    assert world.live() is None
    assert world.kept() == world.deployment
    assert world.put().status_code == 200


def test_a_sender_who_stops_sending(world: World) -> None:
    """Werkzeug, as gunicorn, ends a body early when the connection ends."""
    answer = world.call(
        "PUT",
        world.script_path,
        headers={**world.grant(), **FORM},
        data=form([MAIN])[:-4],
        environ_overrides={"CONTENT_LENGTH": "5000"},
    )
    assert refused_with(answer) == (400, 10001)


# -------------------- Cloudflare's trouble


def test_code_that_does_not_start_is_refused_in_cloudflares_words(world: World) -> None:
    refused = ScriptRefused("Uncaught TypeError: bad start\n  at index.js:1:7", codes=[10021], status=400)
    world.scripts.fail_next(refused, call="put")
    status, faults = refusal(world.put())
    assert (status, faults) == (400, [(10021, "Uncaught TypeError: bad start\n  at index.js:1:7")])
    assert world.live() is None
    assert world.kept().bundle is None


def test_cloudflares_limit_is_passed_on(world: World) -> None:
    retry_at = datetime.now(UTC) + timedelta(seconds=40)
    world.scripts.fail_next(RateLimited("putting slug0001: slow down", retry_at=retry_at), call="put")
    answer = world.put()
    assert refused_with(answer) == (429, 971)
    assert 38 <= int(answer.headers["Retry-After"]) <= 41
    assert world.put().status_code == 200


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("is_own", [False, True])
def test_no_answer_is_a_clear_error_and_is_put_right(
    world: World, monkeypatch: pytest.MonkeyPatch, *, is_late: bool, is_own: bool
) -> None:
    """It fails under the deployment's own script, or under the environment's; before or after its effect."""
    fault = RemoteUnavailable("putting slug0001: Cloudflare did not answer (ReadTimeout)")
    failing = world.deployment.own_script if is_own else world.deployment.script
    put = world.scripts.put

    def failing_put(namespace: str, script: str, upload: Upload) -> None:
        if script != failing or is_late:
            put(namespace, script, upload)
        if script == failing:
            raise fault

    with monkeypatch.context() as patched:
        patched.setattr(world.scripts, "put", failing_put)
        assert refusal(world.put()) == (503, [(10013, fault.message)])
    assert world.kept().bundle is None
    assert world.kept().status is Status.DEPLOYING
    assert [job.type for job in world.records.queue] == ([] if is_own else [JobType.RELEASE])
    assert world.put().status_code == 200
    assert world.kept().bundle == world.bundle().digest


def test_what_we_did_not_foresee_shows_a_reference_alone(world: World) -> None:
    class Unforeseen(Exception):
        pass

    def explode(*_: object) -> Any:
        raise Unforeseen("with a secret in it")

    world.client.application.extensions["branchline"] = replace(world.context, go_live=explode)
    status, faults = refusal(world.put())
    assert (status, faults[0][0]) == (500, 10000)
    assert "secret" not in faults[0][1]


def test_a_database_that_is_away(world: World) -> None:
    grant = world.grant()
    world.records.is_away = True
    assert refused_with(world.put(headers=grant)) == (503, 10013)


# -------------------- at once


def test_a_grant_used_twice_at_once(world: World) -> None:
    """The second is refused, and the first goes on."""
    begun, go_on = threading.Event(), threading.Event()

    def held(deployment_id: str, bundle: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return world.context.go_live(deployment_id, bundle)

    world.client.application.extensions["branchline"] = replace(world.context, go_live=held)
    answers: list[int] = []
    first = threading.Thread(target=lambda: answers.append(world.put().status_code))
    first.start()
    assert begun.wait(60)
    assert refused_with(world.put()) == (409, 10409)
    assert result(world.call("GET", world.script_path))
    go_on.set()
    first.join(60)
    assert answers == [200]


def test_the_other_process_is_using_the_grant(world: World) -> None:
    """Turns are a process's own; across processes the alias is what is held."""
    with world.records.begin() as tx:
        alias = alias_of(tx, world.deployment, world.clock())
        tx.aliases.save(
            replace(alias, holder=world.deployment.id, held_until=world.clock() + timedelta(minutes=1))
        )
    assert refused_with(world.put()) == (409, 10409)
    assert world.live() is None


def test_somebody_else_is_putting_the_script_up(world: World) -> None:
    with world.records.begin() as tx:
        alias = alias_of(tx, world.deployment, world.clock())
        tx.aliases.save(replace(alias, holder="job_1", held_until=world.clock() + timedelta(minutes=1)))
    answer = world.put()
    assert refused_with(answer) == (429, 971)
    assert int(answer.headers["Retry-After"]) >= 1


def test_too_many_uploads_at_once_are_told_to_come_again(world: World) -> None:
    others = [world.context.turns.take(f"dpl_other_{number}") for number in range(4)]
    for turn in others:
        turn.__enter__()
    for answer in (world.put(), world.announce({"/a": b"a"})):
        assert refused_with(answer) == (429, 971)
        assert answer.headers["Retry-After"] == "2"
    others[0].__exit__(None, None, None)
    assert world.put().status_code == 200


@pytest.mark.parametrize(("depth", "status"), [(1, 200), (197, 200), (198, 400), (930, 400), (100_000, 400)])
def test_a_value_that_is_nested_too_deeply_is_refused(world: World, depth: int, status: int) -> None:
    value = f"{'[' * depth}1{']' * depth}"
    text = json.dumps({**METADATA, "bindings": [{"name": "DEEP", "type": "json", "json": "HERE"}]})
    described = ("metadata", text.replace('"HERE"', value).encode(), None)
    assert world.put_raw(form([described, MAIN])).status_code == status
