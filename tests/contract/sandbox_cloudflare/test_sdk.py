"""The official `cloudflare` SDK, unmodified, against the sandbox."""

import json
from typing import TypedDict

import pytest
from cloudflare import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    Cloudflare,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
)

from tests.contract.sandbox_cloudflare.driver import ACCOUNT, DATE, PRODUCTION, Sandbox, answering, eventually

READS_A_SECRET = "export default { fetch(_, env) { return new Response(String(env.KEY)); } };"


class Place(TypedDict):
    """Where the scripts of these tests are."""

    account_id: str
    dispatch_namespace: str


PLACE = Place(account_id=ACCOUNT, dispatch_namespace=PRODUCTION)


def upload(sdk: Cloudflare, name: str, code: str, **metadata: object) -> object:
    return sdk.workers_for_platforms.dispatch.namespaces.scripts.update(
        name,
        **PLACE,
        metadata={"main_module": "index.js", "compatibility_date": DATE, **metadata},  # type: ignore[typeddict-item]
        files=[("index.js", code.encode(), "application/javascript+module")],
    )


def code_of(problem: APIStatusError) -> int:
    return int(json.loads(problem.response.text)["errors"][0]["code"])


def test_namespaces(sdk: Cloudflare) -> None:
    namespaces = sdk.workers_for_platforms.dispatch.namespaces
    created = namespaces.create(account_id=ACCOUNT, name="by-sdk")
    assert created
    assert created.namespace_name == "by-sdk"
    with pytest.raises(ConflictError):
        namespaces.create(account_id=ACCOUNT, name="by-sdk")
    assert "by-sdk" in [namespace.namespace_name for namespace in namespaces.list(account_id=ACCOUNT)]
    found = namespaces.get("by-sdk", account_id=ACCOUNT)
    assert found
    assert (found.namespace_id, found.script_count) == (created.namespace_id, 0)
    namespaces.delete("by-sdk", account_id=ACCOUNT)
    with pytest.raises(NotFoundError) as problem:
        namespaces.get("by-sdk", account_id=ACCOUNT)
    assert code_of(problem.value) == 100119


def test_scripts(sdk: Cloudflare, sandbox: Sandbox) -> None:
    scripts = sdk.workers_for_platforms.dispatch.namespaces.scripts
    upload(sdk, "sdkscript", answering("by the sdk"), tags=["app-1", "env-production"])
    assert sandbox.visit("sdkscript").text == "by the sdk"
    found = scripts.get("sdkscript", **PLACE)
    assert found
    assert found.script
    assert found.script.tags == ["app-1", "env-production"]
    content = scripts.content.with_raw_response.get("sdkscript", **PLACE)
    assert "by the sdk" in content.text()
    assert content.headers["cf-entrypoint"] == "index.js"
    scripts.delete("sdkscript", **PLACE)
    assert sandbox.visit("sdkscript").status_code == 404
    with pytest.raises(NotFoundError) as problem:
        scripts.get("sdkscript", **PLACE)
    assert code_of(problem.value) == 10092


def test_secrets(sdk: Cloudflare, sandbox: Sandbox) -> None:
    secrets = sdk.workers_for_platforms.dispatch.namespaces.scripts.secrets
    upload(sdk, "sdksecret", READS_A_SECRET)
    secrets.update("sdksecret", **PLACE, name="KEY", text="hidden", type="secret_text")
    assert sandbox.visit("sdksecret").text == "hidden"
    assert [secret.name for secret in secrets.list("sdksecret", **PLACE)] == ["KEY"]
    assert "hidden" not in str(secrets.get("KEY", script_name="sdksecret", **PLACE))
    secrets.delete("KEY", script_name="sdksecret", **PLACE)
    assert sandbox.visit("sdksecret").text == "undefined"
    with pytest.raises(NotFoundError):
        secrets.delete("KEY", script_name="sdksecret", **PLACE)


def test_tags(sdk: Cloudflare) -> None:
    tags = sdk.workers_for_platforms.dispatch.namespaces.scripts.tags
    upload(sdk, "sdktags", answering("x"))
    assert list(tags.update("sdktags", **PLACE, body=["a:b", "c"])) == ["a:b", "c"]
    tags.delete("c", script_name="sdktags", **PLACE)
    assert list(tags.list("sdktags", **PLACE)) == ["a:b"]
    with pytest.raises(BadRequestError):
        tags.update("sdktags", **PLACE, body=[str(number) for number in range(9)])


def test_settings_and_bindings(sdk: Cloudflare, sandbox: Sandbox) -> None:
    scripts = sdk.workers_for_platforms.dispatch.namespaces.scripts
    upload(
        sdk, "sdksettings", READS_A_SECRET, bindings=[{"type": "plain_text", "name": "KEY", "text": "old"}]
    )
    scripts.settings.edit(
        "sdksettings", **PLACE, settings={"bindings": [{"type": "plain_text", "name": "KEY", "text": "new"}]}
    )
    assert sandbox.visit("sdksettings").text == "new"
    settings = scripts.settings.get("sdksettings", **PLACE)
    assert settings
    assert settings.compatibility_date == DATE
    assert [binding.name for binding in scripts.bindings.get("sdksettings", **PLACE)] == ["KEY"]


def test_logs_are_found_by_script(sdk: Cloudflare, sandbox: Sandbox) -> None:
    sandbox.upload(
        "sdklogs",
        """
        export default {
          fetch(request) {
            console.log('seen', { at: 1 });
            if (request.url.endsWith('/x')) throw new Error('lost');
            return new Response();
          }
        };
        """,
    )
    sandbox.visit("sdklogs")
    sandbox.visit("sdklogs", "/x")

    def messages() -> list[str]:
        answer = sdk.workers.observability.telemetry.query(
            account_id=ACCOUNT,
            query_id="adhoc",
            timeframe={"from": 0, "to": 4_000_000_000_000},
            view="events",
            parameters={
                "filters": [
                    {"key": "$metadata.service", "operation": "eq", "type": "string", "value": "sdklogs"}
                ]
            },
        )
        assert answer
        assert answer.events
        assert answer.events.events is not None
        return [str(event.metadata.message) for event in answer.events.events]

    found = eventually(lambda: [m for m in [messages()] if len(m) >= 3])[0]
    assert 'seen {"at": 1}' in found
    assert any(message.startswith("Error: lost") for message in found)
    assert "lost" in sandbox.http.get(f"{sandbox.url}/logs/{PRODUCTION}/sdklogs").text


def test_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    with Cloudflare(api_token="wrong", base_url=sandbox.api, max_retries=0) as stranger:
        with pytest.raises(AuthenticationError) as unknown:
            stranger.workers_for_platforms.dispatch.namespaces.list(account_id=ACCOUNT)
        assert code_of(unknown.value) == 10000
        with pytest.raises(PermissionDeniedError) as denied:
            stranger.user.get()
        assert code_of(denied.value) == 9109
        with pytest.raises(AuthenticationError):
            stranger.user.tokens.verify()


def test_the_token_is_verified(sdk: Cloudflare) -> None:
    verified = sdk.user.tokens.verify()
    assert verified
    assert verified.status == "active"
    assert [account.id for account in sdk.accounts.list()] == [ACCOUNT]
