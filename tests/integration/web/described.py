"""Whether an answer of the API is one that its description knows."""

from typing import Any, Final

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT: Final = "urn:branchline"


def assert_described(document: dict[str, Any], method: str, path: str, answer: Any) -> None:
    responses = document["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, f"{answer.status_code} of {method} {path} is not described"
    content = responses[str(answer.status_code)].get("content")
    if content is None:
        return
    assert answer.mimetype in content
    reference = content[answer.mimetype]["schema"]["$ref"]
    registry: Registry[Any] = Registry().with_resource(DOCUMENT, DRAFT202012.create_resource(document))
    Draft202012Validator({"$ref": DOCUMENT + reference}, registry=registry).validate(answer.get_json())
