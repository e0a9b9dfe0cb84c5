"""GitHub as its OpenAPI description has it: checks each request, answers with the published example.

What it cannot tell: whether two calls fit together. That is the sandbox's part.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft202012Validator
from requests import PreparedRequest

from tests.published import openapi

Answer = tuple[int, dict[str, str], str]
_BY_ID: Final = re.compile(r"^/repositories/\d+/")
_METHODS: Final = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as described."""

    method: str
    path: str
    description: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def check(self, query: Mapping[str, list[str]], body: Any) -> None:
        """Fail when a parameter or a field is not described, or is described otherwise."""
        described = {_resolved(it)["name"] for it in self.description.get("parameters", [])}
        assert set(query) <= described, f"{self}: {set(query) - described} are no parameters"
        request = self.description.get("requestBody")
        assert request or body is None, f"{self} takes no body"
        if request and (body is not None or request.get("required")):
            schema = as_json_schema(request["content"]["application/json"]["schema"])
            Draft202012Validator(schema).validate(body)
            unknown = set(body or {}) - set(schema.get("properties", {}))
            assert not unknown, f"{self}: {unknown} are no fields"

    def answer(self) -> Answer:
        """Return the published example of success."""
        status = min(it for it in self.description["responses"] if it.startswith("2"))
        content = _resolved(self.description["responses"][status]).get("content", {})
        media = content.get("application/json", {})
        examples = [_resolved(it)["value"] for it in media.get("examples", {}).values()]
        body = json.dumps(examples[0]) if examples else ""
        return int(status), {"Content-Type": "application/json; charset=utf-8"}, body


@dataclass
class PublishedGitHub:
    """Answers requests under `prefix`; operations in `absent` answer 404, those in `mended` as they say.

    A repository is known by its id wherever it is by its name, as in the addresses that GitHub itself gives:
    https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api#using-link-headers
    """

    prefix: str
    mended: Mapping[str, Any] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def __call__(self, request: PreparedRequest) -> Answer:
        parts = urlsplit(str(request.url))
        path = _BY_ID.sub("/repos/octocat/Hello-World/", parts.path.removeprefix(self.prefix))
        operation = find(str(request.method), path)
        body = json.loads(request.body) if isinstance(request.body, str | bytes) else None
        operation.check(parse_qs(parts.query), body)
        self.seen.append(str(operation))
        if str(operation) in self.absent:
            return 404, {"Content-Type": "application/json"}, '{"message": "Not Found"}'
        status, headers, text = operation.answer()
        mended = self.mended.get(str(operation))
        return status, headers, json.dumps(mended) if mended else text


def find(method: str, path: str) -> Operation:
    """Return the operation that a request means; the one with the fewest parameters wins, as in a router."""
    fitting = [it for it in _operations() if it[1] == method.lower() and it[0].fullmatch(path)]
    assert fitting, f"{method} {unquote(path)} is not in GitHub's description"
    return min((it[2] for it in fitting), key=lambda it: it.path.count("{"))


@cache
def _operations() -> list[tuple[re.Pattern[str], str, Operation]]:
    return [
        (_pattern(path), method, Operation(method, path, description))
        for path, methods in openapi()["paths"].items()
        for method, description in methods.items()
        if method in _METHODS
    ]


def _pattern(path: str) -> re.Pattern[str]:
    """Return what a path matches; a `{ref}` may have slashes."""
    literal = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"{(\w+)}", lambda it: ".+" if it[1] == "ref" else "[^/]+", literal))


def as_json_schema(schema: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema: references followed, `nullable` spelt out."""
    if isinstance(schema, list):
        return [as_json_schema(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: as_json_schema(value) for key, value in _resolved(schema).items() if key != "nullable"}
    # A property may be called "nullable"; the keyword is a boolean.
    if _resolved(schema).get("nullable") is not True:
        return plain
    # The fields stay visible at the top, where unknown ones are looked for.
    return {"anyOf": [{"type": "null"}, plain], "properties": plain.get("properties", {})}


def _resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return value
    found: Any = openapi()
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return _resolved(found)
