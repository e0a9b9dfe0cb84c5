"""The main module of a worker: it imports the author's module and our runtime, and contains neither."""

import json
from typing import Any, Final

from app.domain.workers import INVOKE_KEY, Options
from app.render import TEMPLATES

MAIN: Final = "index.js"
AUTHOR: Final = "functions.js"
RUNTIME: Final = "functions_runtime"


def render_main(options: Options) -> str:
    """Return the text of the main module."""
    told = json.dumps(runtime_options(options), indent=2)
    return TEMPLATES.get_template("functions.js.j2").render(runtime=RUNTIME, author=AUTHOR, options=told)


def runtime_options(options: Options) -> dict[str, Any]:
    """Return options as `createHandler` takes them: a key is named by its binding."""
    told: dict[str, Any] = {
        "timeoutMs": options.timeout_ms,
        "maxPayloadBytes": options.max_payload_bytes,
        "corsOrigins": list(options.cors_origins),
    }
    return told | ({"invokeKey": INVOKE_KEY} if options.has_invoke_key else {})
