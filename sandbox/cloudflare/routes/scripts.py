"""Scripts of a dispatch namespace: upload, list, get, content, delete.

https://developers.cloudflare.com/api/resources/workers_for_platforms/subresources/dispatch/subresources/namespaces/subresources/scripts/
"""

import base64
from itertools import islice

from flask import Blueprint, Response, request
from urllib3 import encode_multipart_formdata
from urllib3.fields import RequestField

from sandbox.cloudflare import errors, names
from sandbox.cloudflare.envelope import ok
from sandbox.cloudflare.model import Module, Script
from sandbox.cloudflare.names import TagFilter
from sandbox.cloudflare.routes.namespaces import NAMESPACE, namespace_of_path
from sandbox.cloudflare.routes.world import world
from sandbox.cloudflare.uploads import upload_from_parts

routes = Blueprint("scripts", __name__)
SCRIPTS = NAMESPACE + "/scripts"
SCRIPT = SCRIPTS + "/<script>"
_MOST_PER_PAGE = 1000
_CONTENT_TYPES = {
    "js": "application/javascript+module",
    "cjs": "application/javascript",
    "text": "text/plain",
    "json": "application/json",
    "wasm": "application/wasm",
    "data": "application/octet-stream",
}


@routes.put(SCRIPT)
def upload_script(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Upload a script. The answer is sent when the new version, and no older one, serves requests."""
    namespace, name = namespace_of_path(), names.check_script(script)
    upload = upload_from_parts(request.form.to_dict(), list(request.files.items(multi=True)))
    live, version = world().uploads.accept(namespace, name, upload)
    return ok({**live.described(), "entry_point": version.main_module})


@routes.get(SCRIPTS)
def list_scripts(account_id: str, namespace: str) -> Response:  # noqa: ARG001
    """List scripts by name, a page at a time, all or those that a tag filter keeps."""
    limit = _limit(request.args.get("limit") or request.args.get("per_page"))
    after = _after(request.args.get("cursor", ""))
    found = (script for script in _chosen(namespace_of_path()) if script.name > after)
    batch = list(islice(found, limit + 1))
    items, more = batch[:limit], len(batch) > limit
    cursor = base64.urlsafe_b64encode(items[-1].name.encode()).decode() if more else ""
    info = {"count": len(items), "per_page": limit, "cursor": cursor}
    return ok([script.described() for script in items], result_info=info)


@routes.delete(SCRIPTS)
def delete_scripts(account_id: str, namespace: str) -> Response:  # noqa: ARG001
    """Delete all scripts that a tag filter keeps. Without a filter nothing is deleted."""
    if not request.args.get("tags"):
        raise errors.invalid_request("the parameter 'tags' is required to delete scripts")
    chosen = TagFilter.from_query(request.args["tags"])
    world().deployments.remove_chosen(namespace_of_path(), lambda script: chosen.keeps(script.tags))
    return ok(None)


@routes.get(SCRIPT)
def get_script(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Describe a script."""
    found = script_of_path()
    return ok(
        {
            "dispatch_namespace": found.namespace,
            "created_on": found.created_on,
            "modified_on": found.modified_on,
            "script": found.described(),
        }
    )


@routes.delete(SCRIPT)
def delete_script(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Delete a script."""
    world().deployments.remove(namespace_of_path(), names.check_script(script))
    return ok(None)


@routes.get(SCRIPT + "/content")
def get_content(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Return a script's modules as they were uploaded, as a form; the header names the main one."""
    found = script_of_path()
    version = world().store.version(found)
    body, content_type = encode_multipart_formdata([_part(found, module) for module in version.modules])
    headers = {"cf-entrypoint": version.main_module or "", "etag": f'"{version.etag}"'}
    return Response(body, content_type=content_type, headers=headers)


@routes.put(SCRIPT + "/content")
def put_content(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Replace a script's modules; its bindings, assets, settings and tags stay."""
    upload = upload_from_parts(request.form.to_dict(), list(request.files.items(multi=True)))
    live, version = world().uploads.replace_content(namespace_of_path(), names.check_script(script), upload)
    return ok({**live.described(), "entry_point": version.main_module})


def _part(script: Script, module: Module) -> RequestField:
    path = world().store.version_path(script.namespace, script.name, script.version)
    content = (path / "modules" / module.file).read_bytes()
    field = RequestField(module.name, content, filename=module.name)
    field.make_multipart(content_type=_CONTENT_TYPES[module.type])
    return field


def script_of_path() -> Script:
    """Return the script in the request's path, or refuse a missing one."""
    name = str((request.view_args or {})["script"])
    return world().store.script(namespace_of_path(), names.check_script(name))


def _chosen(namespace: str) -> list[Script]:
    tags = request.args.get("tags")
    scripts = list(world().store.scripts(namespace))
    if not tags:
        return scripts
    chosen = TagFilter.from_query(tags)
    return [script for script in scripts if chosen.keeps(script.tags)]


def _limit(text: str | None) -> int:
    if text is None:
        return _MOST_PER_PAGE
    if not text.isdigit() or not 1 <= int(text) <= _MOST_PER_PAGE:
        raise errors.invalid_request(f"limit must be between 1 and {_MOST_PER_PAGE}")
    return int(text)


def _after(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except ValueError as problem:
        raise errors.invalid_request("cursor is invalid") from problem
