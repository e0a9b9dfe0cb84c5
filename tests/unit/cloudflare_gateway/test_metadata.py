import json
from typing import Any

import pytest

from app.cloudflare.gateway.metadata import Metadata, check_metadata, read_metadata
from app.domain.bundles import Asset, Module
from app.errors import InvalidInput

MODULES = {"index.js": "application/javascript+module", "./a.wasm": "application/wasm", "note": "text/plain"}
PROVIDED = {"API_KEY"}
# What `wrangler deploy` 4.164 sends of a project with variables, assets and a package.json.
SENT: dict[str, Any] = {
    "main_module": "index.js",
    "bindings": [
        {"name": "GREETING", "type": "plain_text", "text": "hello"},
        {"name": "FLAGS", "type": "json", "json": {"blue": [1, None]}},
        {"name": "ASSETS", "type": "assets"},
        {"name": "VERSION", "type": "version_metadata"},
    ],
    "compatibility_date": "2026-10-01",
    "compatibility_flags": ["nodejs_compat"],
    "keep_bindings": ["secret_text", "secret_key"],
    "code_update_strategy": "rolling",
    "assets": {"jwt": "token", "config": {"not_found_handling": "404-page", "run_worker_first": ["/api/*"]}},
    "observability": {"enabled": True},
    "package_dependencies": [{"name": "vite", "version": "7"}],
}


def check(metadata: Any, modules: dict[str, str] = MODULES) -> Metadata:
    return check_metadata(read_metadata(json.dumps(metadata).encode()), modules, PROVIDED)


def problems(metadata: Any, modules: dict[str, str] = MODULES) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        check(metadata, modules)
    return list(caught.value.details["problems"])


def test_what_wrangler_sends_becomes_a_bundle() -> None:
    module, asset = Module("index.js", MODULES["index.js"], "1" * 64, 9), Asset("/a", "2" * 64, 3)
    metadata = check(SENT)
    bundle = metadata.bundle([module], [asset])
    assert bundle.main_module == "index.js"
    assert bundle.modules == (module,)
    assert bundle.assets == (asset,)
    assert bundle.bindings == tuple(SENT["bindings"])
    assert (bundle.compatibility_date, bundle.compatibility_flags) == ("2026-10-01", ("nodejs_compat",))
    assert bundle.assets_config == {"not_found_handling": "404-page", "run_worker_first": ["/api/*"]}
    assert metadata.assets_token == "token"
    assert b"token" not in bundle.to_json()


def test_a_site_without_code_has_assets_alone() -> None:
    metadata = check({"assets": {"jwt": "t", "config": {}}, "compatibility_date": "2026-10-01"}, modules={})
    assert (metadata.main_module, metadata.assets_token, metadata.assets_config) == (None, "t", {})


def test_keys_that_ask_for_nothing_are_no_problem() -> None:
    check({**SENT, "tail_consumers": [], "logpush": False, "placement": None, "migrations": {}})


def test_parts_may_be_bound() -> None:
    bound = [
        {"name": "A", "type": "wasm_module", "part": "./a.wasm"},
        {"name": "B", "type": "text_blob", "part": "note"},
        {"name": "C", "type": "data_blob", "part": "note"},
    ]
    assert check({**SENT, "bindings": bound}).bindings == bound


def test_what_the_environment_provides_may_be_required() -> None:
    bindings = [{"name": "API_KEY", "type": "inherit"}, {"name": "A", "type": "plain_text", "text": ""}]
    assert check({**SENT, "bindings": bindings}).bindings == bindings[1:]


REACHING: list[dict[str, Any]] = [
    {"name": "X", "type": "kv_namespace", "namespace_id": "0" * 32},
    {"name": "X", "type": "r2_bucket", "bucket_name": "others"},
    {"name": "X", "type": "d1", "id": "0"},
    {"name": "X", "type": "service", "service": "other-app"},
    {"name": "X", "type": "dispatch_namespace", "namespace": "branchline-live-production"},
    {"name": "X", "type": "queue", "queue_name": "q"},
    {"name": "X", "type": "durable_object_namespace", "class_name": "A", "script_name": "other"},
    {"name": "X", "type": "secrets_store_secret", "store_id": "s", "secret_name": "n"},
    {"name": "X", "type": "hyperdrive", "id": "h"},
    {"name": "X", "type": "vectorize", "index_name": "v"},
    {"name": "X", "type": "ai"},
    {"name": "X", "type": "browser"},
    {"name": "X", "type": "analytics_engine", "dataset": "d"},
    {"name": "X", "type": "workflow", "workflow_name": "w", "class_name": "A"},
    {"name": "X", "type": "send_email"},
    {"name": "X", "type": "mtls_certificate", "certificate_id": "c"},
    {"name": "X", "type": "pipelines", "pipeline": "p"},
    {"name": "X", "type": "ratelimit", "namespace_id": "1", "simple": {}},
    {"name": "X", "type": "worker_loader"},
    {"name": "X", "type": "vpc_service", "service_id": "v"},
    {"name": "X", "type": "logfwdr", "destination": "d"},
    {"name": "X", "type": "tomorrow"},
    {"name": "X", "type": "secret_text", "text": "s3cret"},
    {"name": "X", "type": "secret_key", "format": "raw"},
    {"name": "X", "type": "inherit"},
]


@pytest.mark.parametrize("binding", REACHING, ids=lambda binding: str(binding["type"]))
def test_bindings_that_reach_what_is_not_the_apps_are_refused_by_name(binding: dict[str, Any]) -> None:
    (problem,) = problems({**SENT, "bindings": [*SENT["bindings"], binding]})
    assert problem.startswith("binding X: ")
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    "binding",
    [
        {},
        {"name": "X"},
        {"type": "plain_text"},
        {"name": 1, "type": "plain_text", "text": ""},
        {"name": "X", "type": ["plain_text"], "text": ""},
        {"name": "", "type": "plain_text", "text": ""},
        {"name": "a-b", "type": "plain_text", "text": ""},
        {"name": "1a", "type": "plain_text", "text": ""},
        {"name": "ä", "type": "plain_text", "text": ""},
        {"name": "a\n", "type": "plain_text", "text": ""},
        {"name": "A" * 101, "type": "plain_text", "text": ""},
        {"name": "BRANCHLINE_COMMIT", "type": "plain_text", "text": "forged"},
        {"name": "branchline_x", "type": "json", "json": 1},
        {"name": "BRANCHLINE_X", "type": "inherit"},
        {"name": "X", "type": "plain_text"},
        {"name": "X", "type": "plain_text", "text": 1},
        {"name": "X", "type": "plain_text", "text": "", "json": 1},
        {"name": "X", "type": "assets", "service": "other"},
        {"name": "X", "type": "version_metadata", "id": "x"},
        {"name": "X", "type": "wasm_module", "part": "absent"},
        {"name": "GREETING", "type": "plain_text", "text": "again"},
    ],
)
def test_bindings_that_are_not_whole_are_refused(binding: dict[str, Any]) -> None:
    assert len(problems({**SENT, "bindings": [*SENT["bindings"], binding]})) == 1


@pytest.mark.parametrize("bindings", ["x", {"a": 1}, [1], [None], [[]]])
def test_bindings_are_a_list_of_objects(bindings: Any) -> None:
    assert problems({**SENT, "bindings": bindings}) == ["bindings: they are not a list of objects"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tags", ["app-other"]),
        ("limits", {"cpu_ms": 300_000}),
        ("tail_consumers", [{"service": "spy"}]),
        ("streaming_tail_consumers", [{"service": "spy"}]),
        ("logpush", True),
        ("placement", {"mode": "smart"}),
        ("migrations", {"new_tag": "v1", "steps": []}),
        ("containers", [{"class_name": "A"}]),
        ("exports", {"A": {}}),
        ("keep_assets", True),
        ("body_part", "index.js"),
        ("cache_options", {"enabled": True}),
        ("capnp_schema", "./x"),
        ("tomorrow", 1),
    ],
)
def test_keys_with_an_effect_beyond_the_script_are_refused_by_name(key: str, value: Any) -> None:
    (problem,) = problems({**SENT, key: value})
    assert problem.startswith(f"{key}: ")


def test_every_problem_is_said() -> None:
    bindings = [REACHING[0], {**REACHING[1], "name": "Y"}]
    found = problems({**SENT, "bindings": bindings, "compatibility_date": "soon"})
    assert [it.split(":")[0] for it in found] == ["compatibility_date", "binding X", "binding Y"]
    assert len(problems({**SENT, "tags": ["x"], "logpush": True})) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"main_module": None},
        {"main_module": "absent.js"},
        {"main_module": ["index.js"]},
        {"main_module": "./a.wasm"},
        {"compatibility_date": None},
        {"compatibility_date": "2026-1-1"},
        {"compatibility_date": 20260101},
        {"compatibility_flags": "nodejs_compat"},
        {"compatibility_flags": ["a"] * 101},
        {"compatibility_flags": ["no spaces"]},
        {"compatibility_flags": [1]},
        {"assets": "token"},
        {"assets": {"config": {"a": 1}}},
        {"assets": {"jwt": 1}},
        {"assets": {"jwt": "t", "config": []}},
        {"assets": {"jwt": "t", "keep": 1}},
        {"assets": {"jwt": "t", "config": {"serve_from": "other"}}},
        {"assets": None},  # the binding is left without what it binds
    ],
)
def test_what_is_no_script_is_refused(changes: dict[str, Any]) -> None:
    assert len(problems({**SENT, **changes})) == 1


def test_an_upload_of_nothing_is_refused() -> None:
    assert len(problems({"compatibility_date": "2026-10-01"}, modules={})) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"1",
        b"{",
        b"\xff",
        b'{"main_module": "\\ud800"}',
        b'{"bindings": [{"name": "X", "type": "json", "json": 1e400}]}',
        b'{"bindings": NaN}',
        b'{"a":' * 100_000,
    ],
)
def test_what_cannot_be_sent_on_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match="the script's metadata"):
        read_metadata(raw)
