"""Dispatch namespaces: create, list, get, delete.

https://developers.cloudflare.com/api/resources/workers_for_platforms/subresources/dispatch/subresources/namespaces/
"""

from flask import Blueprint, Response, request

from sandbox.cloudflare import errors, names
from sandbox.cloudflare.envelope import ok, page
from sandbox.cloudflare.model import Json, Namespace
from sandbox.cloudflare.routes.body import json_object
from sandbox.cloudflare.routes.world import world

routes = Blueprint("namespaces", __name__)
NAMESPACES = "/accounts/<account_id>/workers/dispatch/namespaces"
NAMESPACE = NAMESPACES + "/<namespace>"


@routes.get(NAMESPACES)
def list_namespaces(account_id: str) -> Response:  # noqa: ARG001 - checked by the gate
    """List all namespaces."""
    return page([_described(namespace) for namespace in world().store.namespaces()])


@routes.post(NAMESPACES)
def create_namespace(account_id: str) -> Response:  # noqa: ARG001
    """Create a namespace. One that the dispatch worker is to serve must also be bound to it at start."""
    name = names.check_namespace(json_object().get("name"))
    if world().store.has_namespace(name):
        raise errors.namespace_exists()
    namespace = Namespace(name)
    world().store.add_namespace(namespace)
    return ok(_described(namespace))


@routes.get(NAMESPACE)
def get_namespace(account_id: str, namespace: str) -> Response:  # noqa: ARG001
    """Describe a namespace."""
    return ok(_described(world().store.namespace(namespace)))


@routes.put(NAMESPACE)
@routes.patch(NAMESPACE)
def change_namespace(account_id: str, namespace: str) -> Response:  # noqa: ARG001
    """Change whether the namespace's scripts are trusted; it has no effect on how they run here."""
    found = world().store.namespace(namespace)
    trusted = json_object().get("trusted_workers", found.trusted_workers)
    if not isinstance(trusted, bool):
        raise errors.invalid_request("trusted_workers must be a boolean")
    changed = Namespace(found.name, found.id, found.created_on, trusted)
    world().store.add_namespace(changed)
    return ok(_described(changed))


@routes.delete(NAMESPACE)
def delete_namespace(account_id: str, namespace: str) -> Response:  # noqa: ARG001
    """Delete a namespace with its scripts."""
    world().store.namespace(namespace)
    world().deployments.remove_namespace(namespace)
    return ok(None)


def _described(namespace: Namespace) -> Json:
    return namespace.described(world().store.count_scripts(namespace.name), world().user_id)


def namespace_of_path() -> str:
    """Return the namespace in the request's path, or refuse a missing one."""
    name = str((request.view_args or {})["namespace"])
    return world().store.namespace(names.check_namespace(name)).name
