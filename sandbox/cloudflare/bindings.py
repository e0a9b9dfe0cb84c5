"""The bindings of an upload: which types there are, what is inherited, and what may be shown.

https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.cloudflare import errors
from sandbox.cloudflare.model import Json, Version

# Each type with the field that carries its value.
_VALUES: Mapping[str, tuple[str, type] | None] = {
    "plain_text": ("text", str),
    "secret_text": ("text", str),
    "json": ("json", object),
    "assets": None,
    "version_metadata": None,
}


def merge(wanted: Any, previous: Version | None, keep_types: Iterable[str]) -> tuple[Json, ...]:
    """Return an upload's bindings, with those it inherits by name or keeps by type."""
    chosen = {}
    for binding in _checked_list(wanted):
        chosen[binding["name"]] = _resolved(binding, previous)
    kept = set(keep_types)
    for binding in previous.bindings if previous else ():
        if binding["type"] in kept:
            chosen.setdefault(binding["name"], binding)
    return tuple(chosen.values())


def with_secret(bindings: Sequence[Json], secret: Json) -> tuple[Json, ...]:
    """Return the bindings with this secret added or replaced."""
    checked = _resolved({"type": "secret_text", **secret}, None)
    return (*without(bindings, checked["name"]), checked)


def without(bindings: Sequence[Json], name: str) -> tuple[Json, ...]:
    """Return the bindings but the one of this name."""
    return tuple(binding for binding in bindings if binding["name"] != name)


def shown(binding: Json) -> Json:
    """Return a binding as the API shows it: a secret keeps its text to itself."""
    if binding["type"] == "secret_text":
        return {"name": binding["name"], "type": "secret_text"}
    return binding


def _checked_list(wanted: Any) -> list[Json]:
    if not isinstance(wanted, list) or not all(isinstance(binding, dict) for binding in wanted):
        raise errors.invalid_request("bindings must be a list of objects")
    names = [binding.get("name") for binding in wanted]
    if not all(isinstance(name, str) and name for name in names):
        raise errors.invalid_request("every binding must have a name")
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise errors.invalid_request(f"binding name '{repeated}' is used more than once")
    return wanted


def _resolved(binding: Json, previous: Version | None) -> Json:
    kind = str(binding.get("type"))
    if kind == "inherit":
        return _inherited(binding, previous)
    if kind not in _VALUES:
        raise errors.binding_unsupported(binding["name"], kind)
    value = _VALUES[kind]
    if value is None:
        return {"name": binding["name"], "type": kind}
    key, expected = value
    if key not in binding or not isinstance(binding[key], expected):
        raise errors.invalid_request(f"binding '{binding['name']}' must have a field '{key}'")
    return {"name": binding["name"], "type": kind, key: binding[key]}


def _inherited(binding: Json, previous: Version | None) -> Json:
    name = binding.get("old_name") or binding["name"]
    found = previous.binding(name) if previous else None
    if found is None:
        raise errors.binding_not_found(name)
    return {**found, "name": binding["name"]}
