"""What a run knows about itself: the `github` context, and the same facts as act wants them.

act fills its own `github` context from the variables given here; it knows no `repository_id`,
`triggering_actor`, `workflow_ref` or `workflow_sha` there, so steps read those from the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.actions.ports import GitHubSide, Occasion
    from sandbox.actions.records import Run

_PULL_REQUEST_EVENTS = ("pull_request", "pull_request_target")


def head(occasion: Occasion) -> tuple[str, str]:
    """Return the branch (or tag) and the commit that a run of `occasion` is shown under."""
    pull_request = occasion.payload.get("pull_request")
    if occasion.event in _PULL_REQUEST_EVENTS and pull_request:
        return str(pull_request["head"]["ref"]), str(pull_request["head"]["sha"])
    return _ref_name(occasion.ref), occasion.sha


def github(occasion: Occasion, repository: dict[str, Any], side: GitHubSide) -> dict[str, Any]:
    """Return the `github` context as far as it is known before a run exists."""
    pull_request = occasion.payload.get("pull_request") or {}
    return {
        "event_name": occasion.event,
        "event": occasion.payload,
        "ref": occasion.ref,
        "ref_name": _ref_name(occasion.ref),
        "ref_type": "tag" if occasion.ref.startswith("refs/tags/") else "branch",
        "head_ref": (pull_request.get("head") or {}).get("ref", ""),
        "base_ref": (pull_request.get("base") or {}).get("ref", ""),
        "sha": occasion.sha,
        "repository": repository["full_name"],
        "repository_id": str(repository["id"]),
        "repository_owner": repository["owner"]["login"],
        "repository_owner_id": str(repository["owner"].get("id", "")),
        "actor": actor(occasion, repository)["login"],
        "actor_id": str(actor(occasion, repository).get("id", "")),
        "server_url": side.url,
        "api_url": side.api_url,
        "graphql_url": f"{side.url}/api/graphql",
    }


def of_run(context: dict[str, Any], run: Run) -> dict[str, Any]:
    """Return `context` with what is known once the run exists."""
    return context | {
        "run_id": str(run.id),
        "run_number": str(run.number),
        "run_attempt": str(run.attempt),
        "workflow": run.name,
        "workflow_ref": f"{context['repository']}/{run.path}@{context['ref']}",
        "workflow_sha": run.sha,
        "triggering_actor": context["actor"],
        "retention_days": "90",
    }


def as_environment(context: dict[str, Any]) -> dict[str, str]:
    """Return the `GITHUB_*` variables that stand for `context`; act reads the commit from SHA_REF."""
    variables = {f"GITHUB_{name.upper()}": str(value) for name, value in context.items() if name != "event"}
    return variables | {"SHA_REF": context["sha"]}


def actor(occasion: Occasion, repository: dict[str, Any]) -> dict[str, Any]:
    """Return the user who caused the occasion; the owner when the payload names nobody."""
    sender: dict[str, Any] = occasion.payload.get("sender") or repository["owner"]
    return sender


def _ref_name(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/tags/", "refs/pull/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref
