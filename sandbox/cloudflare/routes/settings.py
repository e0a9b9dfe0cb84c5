"""What can be changed of a script without uploading it: settings, bindings, secrets and tags."""

import json
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from sandbox.cloudflare import bindings, errors, names
from sandbox.cloudflare.envelope import ok, page
from sandbox.cloudflare.limits import check_limits
from sandbox.cloudflare.model import Json, Script, Version, new_id, now
from sandbox.cloudflare.routes.body import json_body, json_object
from sandbox.cloudflare.routes.scripts import SCRIPT, script_of_path
from sandbox.cloudflare.routes.world import world

routes = Blueprint("settings", __name__)
_CHANGEABLE = (
    "bindings",
    "compatibility_date",
    "compatibility_flags",
    "tags",
    "limits",
    "observability",
    "usage_model",
)


@routes.get(SCRIPT + "/settings")
def get_settings(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Return a script's settings."""
    found = script_of_path()
    return ok(_settings(found, world().store.version(found)))


@routes.patch(SCRIPT + "/settings")
def change_settings(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Change the settings that are named; the others stay."""
    wanted = _sent_settings()
    tags = names.check_tags(wanted["tags"]) if "tags" in wanted else None
    with world().deployments.changing(namespace, script):
        found = script_of_path()
        version = _changed(world().store.version(found), wanted)
        live = world().deployments.amend(found, version, tags)
    return ok(_settings(live, version))


@routes.get(SCRIPT + "/bindings")
def get_bindings(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """List a script's bindings, without the text of secrets."""
    return page([bindings.shown(binding) for binding in _live_version().bindings])


# Secrets


@routes.get(SCRIPT + "/secrets")
def list_secrets(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """List the names of a script's secrets."""
    return page(_secrets(_live_version()))


@routes.put(SCRIPT + "/secrets")
def put_secret(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Add or replace a secret; a new version goes live with it."""
    secret = {key: value for key, value in json_object().items() if key in ("name", "text", "type")}
    if secret.get("type", "secret_text") != "secret_text" or not isinstance(secret.get("name"), str):
        raise errors.invalid_request("a secret has a name, a text and the type secret_text")
    with world().deployments.changing(namespace, script):
        found = script_of_path()
        version = world().store.version(found)
        world().deployments.amend(
            found, _next(version, bindings=bindings.with_secret(version.bindings, secret))
        )
    return ok({"name": secret["name"], "type": "secret_text"})


@routes.get(SCRIPT + "/secrets/<secret>")
def get_secret(account_id: str, namespace: str, script: str, secret: str) -> Response:  # noqa: ARG001
    """Say that a secret is there; its text never comes back."""
    return ok(_secret(_live_version(), secret))


@routes.delete(SCRIPT + "/secrets/<secret>")
def delete_secret(account_id: str, namespace: str, script: str, secret: str) -> Response:  # noqa: ARG001
    """Remove a secret; a new version goes live without it."""
    with world().deployments.changing(namespace, script):
        found = script_of_path()
        version = world().store.version(found)
        _secret(version, secret)
        world().deployments.amend(found, _next(version, bindings=bindings.without(version.bindings, secret)))
    return ok(None)


# Tags


@routes.get(SCRIPT + "/tags")
def list_tags(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """List a script's tags."""
    return page(script_of_path().tags)


@routes.put(SCRIPT + "/tags")
def put_tags(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Replace all tags of a script."""
    tags = names.check_tags(json_body())
    with world().deployments.changing(namespace, script):
        return page(world().deployments.retag(script_of_path(), tags).tags)


@routes.put(SCRIPT + "/tags/<tag>")
def put_tag(account_id: str, namespace: str, script: str, tag: str) -> Response:  # noqa: ARG001
    """Add one tag."""
    with world().deployments.changing(namespace, script):
        found = script_of_path()
        return page(world().deployments.retag(found, names.check_tags([*found.tags, tag])).tags)


@routes.delete(SCRIPT + "/tags/<tag>")
def delete_tag(account_id: str, namespace: str, script: str, tag: str) -> Response:  # noqa: ARG001
    """Remove one tag; one that is not there is removed already."""
    with world().deployments.changing(namespace, script):
        found = script_of_path()
        world().deployments.retag(found, tuple(kept for kept in found.tags if kept != tag))
    return ok(None)


def _sent_settings() -> Json:
    """Return the settings of a request, sent as JSON or as the JSON part `settings` of a form."""
    if not request.content_type or not request.content_type.startswith("multipart/"):
        sent = json_object()
    else:
        sent = _form_settings()
    wanted = sent.get("settings", sent)
    if not isinstance(wanted, dict):
        raise errors.invalid_json()
    return {key: value for key, value in wanted.items() if key in _CHANGEABLE}


def _form_settings() -> Json:
    file = request.files.get("settings")
    text = file.stream.read() if file else request.form.get("settings")
    try:
        return {"settings": json.loads(text or "")}
    except ValueError as problem:
        raise errors.invalid_json() from problem


def _changed(version: Version, wanted: Json) -> Version:
    changes: dict[str, Any] = {
        key: wanted[key] for key in ("compatibility_date", "observability", "usage_model") if key in wanted
    }
    if "compatibility_flags" in wanted:
        changes["compatibility_flags"] = tuple(wanted["compatibility_flags"])
    if "limits" in wanted:
        changes["limits"] = check_limits(wanted["limits"])
    if "bindings" in wanted:
        changes["bindings"] = bindings.merge(wanted["bindings"], version, ())
    return _next(version, **changes)


def _next(version: Version, **changes: Any) -> Version:
    return replace(version, id=new_id(), created_on=now(), **changes)


def _settings(script: Script, version: Version) -> Json:
    return {
        "bindings": [bindings.shown(binding) for binding in version.bindings],
        "compatibility_date": version.compatibility_date,
        "compatibility_flags": list(version.compatibility_flags),
        "tags": list(script.tags),
        "usage_model": version.usage_model,
        "observability": version.observability,
        "logpush": False,
        "placement": {},
        "tail_consumers": None,
        "limits": version.limits,
    }


def _live_version() -> Version:
    return world().store.version(script_of_path())


def _secrets(version: Version) -> list[Json]:
    return [bindings.shown(binding) for binding in version.bindings if binding["type"] == "secret_text"]


def _secret(version: Version, name: str) -> Json:
    found = next((secret for secret in _secrets(version) if secret["name"] == name), None)
    if found is None:
        raise errors.binding_not_found(name)
    return found
