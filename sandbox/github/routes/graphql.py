"""The GraphQL endpoint, which stands beside the REST API as on every Enterprise Server.

https://docs.github.com/graphql/guides/forming-calls-with-graphql
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g

from sandbox.github.graphql import answering
from sandbox.github.routes import incoming
from sandbox.github.site import current_site

routes = Blueprint("graphql", __name__)


@routes.post("/api/graphql")
def ask() -> dict[str, Any]:
    """Answer a question; errors of the question itself are a 200, too."""
    incoming.signed_in()
    given = incoming.body()
    question = given.get("query")
    if not isinstance(question, str):
        return {"errors": [{"message": "A query attribute must be specified and must be a string."}]}
    variables = given.get("variables") or {}
    site = current_site()
    answer, g.rate = answering.answer(site, incoming.actor(), question, variables, given.get("operationName"))
    found: dict[str, Any] = answer
    return found
