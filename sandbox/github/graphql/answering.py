"""Answering one question: checked against the schema, measured, taken off the budget, looked up.

Errors are GitHub's: each with a `type`, and an answer may have data beside them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from sandbox.github import actors, clock, lookups
from sandbox.github.graphql import nodes
from sandbox.github.graphql.measure import Measuring, Size

if TYPE_CHECKING:
    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.rates import Rate
    from sandbox.github.site import Site


@cache
def schema() -> GraphQLSchema:
    """Return the schema; read once."""
    return build_schema((Path(__file__).parent / "schema.graphql").read_text())


def answer(
    site: Site, actor: Actor, question: str, variables: dict[str, Any], name: str | None
) -> tuple[Any, Rate]:
    """Return the JSON that answers a question, and what is left of the asker's points."""
    rate = site.points.look(actor.token_id)
    try:
        document = parse(question)
    except GraphQLError as error:
        return _refused([error]), rate
    operation = get_operation_ast(document, name)
    wrong = validate(schema(), document)
    if wrong or operation is None:
        return _refused(wrong or [GraphQLError("No operation was named.")]), rate
    try:
        size = Measuring(schema(), document, variables).measure(operation)
    except GraphQLError as error:
        return _refused([error]), rate
    rate = site.points.spend(actor.token_id, size.points)
    if rate.exceeded:
        return _refused([_limited(actor)]), rate
    root = _root(site, actor, size, rate)
    found = execute_sync(schema(), document, root, variable_values=variables, operation_name=name)
    errors = {"errors": [_told(error) for error in found.errors]} if found.errors else {}
    return {"data": found.data, **errors}, rate


def _root(site: Site, actor: Actor, size: Size, rate: Rate) -> dict[str, Any]:
    return {
        "rateLimit": {
            "cost": size.points,
            "nodeCount": size.nodes,
            "limit": rate.limit,
            "remaining": rate.remaining,
            "used": rate.used,
            "resetAt": clock.stamp(datetime.fromtimestamp(rate.reset, UTC)),
        },
        "viewer": lambda _info: nodes.account(site, actor.account or {}),
        "repository": lambda _info, **given: nodes.repository(site, _repository(site, actor, given)),
    }


def _repository(site: Site, actor: Actor, given: dict[str, Any]) -> Row:
    owner, name = given["owner"], given["name"]
    row = lookups.by_name(site, owner, name)
    if row is None and given["followRenames"]:
        row = lookups.by_former_name(site, owner, name)
    if row is None or not actors.may(site, actor, row, "read"):
        message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
        raise GraphQLError(message, extensions={"type": "NOT_FOUND"})
    return row


def _limited(actor: Actor) -> GraphQLError:
    message = f"API rate limit exceeded for user ID {(actor.account or {}).get('id', 0)}."
    return GraphQLError(message, extensions={"type": "RATE_LIMITED"})


def _refused(errors: list[GraphQLError]) -> dict[str, Any]:
    return {"errors": [_told(error) for error in errors]}


def _told(error: GraphQLError) -> dict[str, Any]:
    """Return an error as GitHub writes it: its type stands beside the message."""
    told: dict[str, Any] = dict(error.formatted)
    extensions = told.pop("extensions", {})
    return ({"type": extensions["type"]} if "type" in extensions else {}) | told
