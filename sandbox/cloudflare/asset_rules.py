"""From an upload's `assets.config` to what Cloudflare's asset and router workers read. Pure.

`_headers` and `_redirects` come as text and are parsed as documented; a line that cannot be read is
refused with its number rather than skipped, because wrangler has checked them before us.
https://developers.cloudflare.com/workers/static-assets/headers/ and .../redirects/
"""

from typing import Any

from sandbox.cloudflare import errors
from sandbox.cloudflare.model import Json

HTML_HANDLING = ("auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none")
NOT_FOUND_HANDLING = ("none", "404-page", "single-page-application")
REDIRECT_STATUSES = (200, 301, 302, 303, 307, 308)


def asset_config(config: Json, compatibility_date: str, compatibility_flags: list[str]) -> Json:
    """Return the asset worker's configuration."""
    return {
        "html_handling": _choice(config, "html_handling", HTML_HANDLING),
        "not_found_handling": _choice(config, "not_found_handling", NOT_FOUND_HANDLING),
        "redirects": parse_redirects(config.get("_redirects") or ""),
        "headers": parse_headers(config.get("_headers") or ""),
        "has_static_routing": isinstance(config.get("run_worker_first"), list),
        "compatibility_date": compatibility_date,
        "compatibility_flags": compatibility_flags,
    }


def router_config(config: Json, *, has_modules: bool) -> Json:
    """Return the router worker's configuration: when the script's code runs before its assets."""
    first = config.get("run_worker_first", config.get("serve_directly") is False)
    router: Json = {"has_user_worker": has_modules, "invoke_user_worker_ahead_of_assets": first is True}
    if isinstance(first, list):
        router["static_routing"] = _static_routing(first)
    elif not isinstance(first, bool):
        raise errors.invalid_request("assets.config.run_worker_first must be a boolean or a list of rules")
    return router if has_modules else {"has_user_worker": False, "invoke_user_worker_ahead_of_assets": False}


def _static_routing(rules: list[Any]) -> Json:
    if not all(isinstance(rule, str) and rule.removeprefix("!").startswith("/") for rule in rules):
        raise errors.invalid_request("every rule in run_worker_first must start with '/' or '!/'")
    return {
        "user_worker": [rule for rule in rules if not rule.startswith("!")],
        "asset_worker": [rule[1:] for rule in rules if rule.startswith("!")],
    }


def _choice(config: Json, key: str, allowed: tuple[str, ...]) -> str:
    value = config.get(key) or allowed[0]
    if value not in allowed:
        raise errors.invalid_request(f"assets.config.{key} must be one of {', '.join(allowed)}")
    return str(value)


def parse_redirects(text: str) -> Json:
    """Read `_redirects`: `from to [status]` per line. Paths without wildcards are looked up first."""
    static: Json = {}
    dynamic: Json = {}
    for number, line in _lines(text):
        source, target, status = _redirect(number, line)
        if "*" in source or "/:" in source:
            dynamic.setdefault(source, {"status": status, "to": target})
        else:
            static.setdefault(source, {"status": status, "to": target, "lineNumber": number})
    return {"version": 1, "staticRules": static, "rules": dynamic}


def _redirect(number: int, line: str) -> tuple[str, str, int]:
    parts = line.split()
    if len(parts) not in (2, 3) or not parts[0].startswith("/"):
        raise errors.invalid_request(f"_redirects line {number}: expected '/from /to [status]', got '{line}'")
    status = int(parts[2]) if len(parts) > 2 and parts[2].isdigit() else 302  # noqa: PLR2004
    if status not in REDIRECT_STATUSES:
        raise errors.invalid_request(f"_redirects line {number}: status must be one of {REDIRECT_STATUSES}")
    return parts[0], parts[1], status


def parse_headers(text: str) -> Json:
    """Read `_headers`: a path, and below it `Name: value` to set or `! Name` to unset."""
    rules: dict[str, Json] = {}
    current: Json | None = None
    for number, line in _lines(text):
        if line.startswith(("/", "https://")):
            current = rules.setdefault(line, {"set": {}})
        elif current is None:
            raise errors.invalid_request(f"_headers line {number}: a header stands before any path")
        else:
            _add_header(current, number, line)
    return {"version": 2, "rules": rules}


def _add_header(rule: Json, number: int, line: str) -> None:
    if line.startswith("!"):
        rule.setdefault("unset", []).append(line[1:].strip())
        return
    name, colon, value = (part.strip() for part in line.partition(":"))
    if not colon or not name or not value:
        raise errors.invalid_request(f"_headers line {number}: expected 'Name: value', got '{line}'")
    existing = rule["set"].get(name.lower())
    rule["set"][name.lower()] = f"{existing}, {value}" if existing else value


def _lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say something, numbered from 1, without comments."""
    numbered = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]
