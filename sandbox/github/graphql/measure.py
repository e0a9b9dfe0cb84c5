"""How much a question asks for: nodes, which have a limit, and points, which are taken off a budget.

Counted before anything is looked at, from the numbers in the question alone, as GitHub does.
https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    VariableNode,
    get_named_type,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, SelectionSetNode

MOST_NODES = 500_000
MOST_PER_PAGE = 100
_REQUESTS_PER_POINT = 100


@dataclass
class Size:
    """What a question asks for at most."""

    nodes: int = 0
    requests: int = 0

    @property
    def points(self) -> int:
        """Return what it costs."""
        return max(1, round(self.requests / _REQUESTS_PER_POINT))


class Measuring:
    """Walks through one question."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        definitions = document.definitions
        self._fragments = {it.name.value: it for it in definitions if isinstance(it, FragmentDefinitionNode)}
        self.size = Size()

    def measure(self, operation: OperationDefinitionNode) -> Size:
        """Return the size of an operation that is valid.

        Raises: GraphQLError of GitHub's type when a page has no bounds or the whole is too large.
        """
        self._walk(operation.selection_set, self._schema.query_type, 1)
        if self.size.nodes > MOST_NODES:
            message = (
                f"This query requests up to {self.size.nodes:,} possible nodes which exceeds the maximum "
                f"limit of {MOST_NODES:,}."
            )
            raise GraphQLError(message, extensions={"type": "MAX_NODE_LIMIT_EXCEEDED"})
        return self.size

    def _walk(self, selected: SelectionSetNode | None, kind: Any, times: int) -> None:
        for selection in selected.selections if selected else ():
            if isinstance(selection, FieldNode):
                self._field(selection, kind, times)
            elif isinstance(selection, FragmentSpreadNode):
                self._fragment(self._fragments[selection.name.value], times)
            elif isinstance(selection, InlineFragmentNode):
                named = selection.type_condition
                inner = self._schema.type_map[named.name.value] if named else kind
                self._walk(selection.selection_set, inner, times)

    def _fragment(self, fragment: FragmentDefinitionNode, times: int) -> None:
        kind = self._schema.type_map[fragment.type_condition.name.value]
        self._walk(fragment.selection_set, kind, times)

    def _field(self, field: FieldNode, kind: Any, times: int) -> None:
        known = getattr(kind, "fields", {}).get(field.name.value)
        if known is None:  # __typename
            return
        inner = get_named_type(known.type)
        if inner.name.endswith("Connection"):
            self.size.requests += times
            times *= self._page(field)
            self.size.nodes += times
        self._walk(field.selection_set, inner, times)

    def _page(self, field: FieldNode) -> int:
        name = field.name.value
        given = {it.name.value: it.value for it in field.arguments or ()}
        bounds = [
            number for side in ("first", "last") if (number := self._number(given.get(side))) is not None
        ]
        if not bounds:
            message = (
                f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
            )
            raise GraphQLError(message, field, extensions={"type": "MISSING_PAGINATION_BOUNDARIES"})
        if not 0 < bounds[0] <= MOST_PER_PAGE:
            message = (
                f"Requesting {bounds[0]} records on the `{name}` connection exceeds the limit of "
                f"{MOST_PER_PAGE} records."
            )
            raise GraphQLError(message, field, extensions={"type": "EXCESSIVE_PAGINATION"})
        return bounds[0]

    def _number(self, value: Any) -> int | None:
        if isinstance(value, VariableNode):
            found = self._variables.get(value.name.value)
            return found if isinstance(found, int) else None
        return int(value.value) if isinstance(value, IntValueNode) else None
