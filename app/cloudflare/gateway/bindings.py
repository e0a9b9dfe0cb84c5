"""The bindings that an author may ask for: values and files of the script's own, nothing that is others'.

What an environment adds (variables, secrets, `BRANCHLINE_…`) does not come this way.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.variables import check_variable_name
from app.errors import InvalidInput

# Each type with the field that carries its value.
# https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/#bindings
_VALUES: Final[Mapping[str, str | None]] = {
    "plain_text": "text",
    "json": "json",
    "assets": None,
    "version_metadata": None,
    "wasm_module": "part",
    "text_blob": "part",
    "data_blob": "part",
}
_SECRETS: Final = frozenset({"secret_text", "secret_key"})
_INHERITED: Final = "inherit"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a binding may refer to: parts of the upload, its assets, names that the environment provides."""

    modules: Collection[str]
    provided: Collection[str]
    has_assets: bool


def check_bindings(told: Any, around: Surroundings) -> list[str]:
    """Return what is wrong with an upload's bindings, a sentence for each."""
    if not isinstance(told, list) or not all(isinstance(binding, dict) for binding in told):
        return ["bindings: they are not a list of objects"]
    problems = (_problem(binding, around) for binding in told)
    return [*_repeated(told), *(problem for problem in problems if problem is not None)]


def own_bindings(told: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return those that the upload brings; what it inherits is added with the environment's."""
    return [binding for binding in told if binding["type"] != _INHERITED]


def _repeated(told: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    seen: set[str] = set()
    for binding in told:
        name = str(binding.get("name"))
        if name in seen:
            yield f"binding {name[:80]}: the name is used twice"
        seen.add(name)


def _problem(binding: Mapping[str, Any], around: Surroundings) -> str | None:
    name, kind = binding.get("name"), binding.get("type")
    if not isinstance(name, str) or not isinstance(kind, str):
        return "bindings: one has no name or no type"
    try:
        check_variable_name(name)
    except InvalidInput as error:
        return f"binding {name[:80]}: {error.message}"
    if kind in _SECRETS:
        return (
            f"binding {name}: a secret is not uploaded: set it as a secret of the environment in Branchline"
        )
    if kind == _INHERITED:
        return None if name in around.provided else f"binding {name}: the environment in Branchline has none"
    if kind not in _VALUES:
        return f"binding {name}: type {kind[:80]} reaches what is not this app's, and is not possible here"
    return _value_problem(binding, _VALUES[kind], around)


def _value_problem(binding: Mapping[str, Any], field: str | None, around: Surroundings) -> str | None:
    name, kind = binding["name"], binding["type"]
    wanted = {"name", "type"} | ({field} if field else set())
    if set(binding) != wanted:
        return f"binding {name}: type {kind} has exactly the fields {', '.join(sorted(wanted))}"
    if kind == "assets" and not around.has_assets:
        return f"binding {name}: the upload has no assets"
    if field == "text" and not isinstance(binding["text"], str):
        return f"binding {name}: its text is not a string"
    if field == "part" and binding["part"] not in around.modules:
        return f"binding {name}: the upload has no part of that name"
    return None
