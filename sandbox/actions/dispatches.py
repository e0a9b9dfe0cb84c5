"""What `workflow_dispatch` accepts: inputs checked and completed as GitHub does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.actions.workflows import Workflow

EVENT = "workflow_dispatch"
_MAXIMUM_INPUTS = 25


class DispatchError(ValueError):
    """A dispatch that GitHub answers with 422; the text is its message."""


def inputs_of(workflow: Workflow, given: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of a dispatch, the defaults filled in.

    Raises: DispatchError.
    """
    if EVENT not in workflow.triggers:
        raise DispatchError("Workflow does not have 'workflow_dispatch' trigger")
    declared = workflow.triggers[EVENT].get("inputs") or {}
    unexpected = sorted(set(given) - set(declared))
    if unexpected:
        raise DispatchError(f"Unexpected inputs provided: {unexpected}")
    if len(given) > _MAXIMUM_INPUTS:
        raise DispatchError(
            f"You may only define up to {_MAXIMUM_INPUTS} `inputs` for a `workflow_dispatch` event"
        )
    return {name: _value(name, declaration or {}, given.get(name)) for name, declaration in declared.items()}


def _value(name: str, declaration: dict[str, Any], given: Any) -> Any:
    value = given if given is not None else declaration.get("default")
    if value in (None, "") and declaration.get("required"):
        raise DispatchError(f"Required input '{name}' not provided")
    kind = declaration.get("type", "string")
    if kind == "choice" and value is not None and value not in (declaration.get("options") or []):
        raise DispatchError(f"Provided value '{value}' for input '{name}' not in the list of allowed values")
    if kind == "boolean" and str(value).lower() not in ("true", "false", "none"):
        raise DispatchError(f"Provided value '{value}' for input '{name}' is not a boolean")
    return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)
