"""The metadata of a script: an allow-list, because an unknown key may reach what is not this app's.

What reaches beyond the app is refused, each with a message of its own; what wrangler always sends and what
changes nothing here is left out. Tags, limits and the environment's bindings are not added here.
"""

# https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.cloudflare.gateway.bindings import Surroundings, check_bindings, own_bindings
from app.cloudflare.gateway.documents import read_object
from app.cloudflare.gateway.modules import JAVASCRIPT, PYTHON
from app.domain.bundles import Asset, Bundle, Module
from app.errors import InvalidInput

MAXIMUM_BYTES: Final = 1024 * 1024
_USED: Final = frozenset({"main_module", "compatibility_date", "compatibility_flags", "bindings", "assets"})
# What wrangler sends of its own accord. It is about the versions before, which here are other scripts, or
# about people and statistics.
_LEFT_OUT: Final = frozenset(
    {
        "annotations",
        "code_update_strategy",
        "keep_bindings",
        "observability",
        "package_dependencies",
        "usage_model",
    }
)
_REFUSED: Final[Mapping[str, str]] = {
    "body_part": "scripts in the service worker syntax cannot be dispatched to: export a default handler",
    "containers": "containers are not possible here",
    "exports": "Durable Objects and Workflows are not possible here",
    "keep_assets": "assets are not kept from another upload: name them in the configuration",
    "limits": "limits are set by Branchline",
    "logpush": "logs are the platform's",
    "migrations": "Durable Objects are not possible here",
    "placement": "placement is the platform's",
    "streaming_tail_consumers": "a script does not choose who reads its logs",
    "tags": "tags are set by Branchline",
    "tail_consumers": "a script does not choose who reads its logs",
}
_ASSETS_CONFIG: Final = frozenset(
    {"html_handling", "not_found_handling", "base_path", "run_worker_first", "_redirects", "_headers"}
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_FLAG: Final = re.compile(r"[a-z0-9_]{1,100}")
_MAXIMUM_FLAGS: Final = 100


@dataclass(frozen=True, slots=True)
class Metadata:
    """What of an upload's metadata goes into its bundle; `assets_token` closes the upload of its assets."""

    main_module: str | None
    compatibility_date: str
    compatibility_flags: Sequence[str]
    bindings: Sequence[Mapping[str, Any]]
    assets_token: str | None
    assets_config: Mapping[str, Any] | None

    def bundle(self, modules: Sequence[Module], assets: Sequence[Asset]) -> Bundle:
        """Return what the script is made of."""
        return Bundle(
            main_module=self.main_module,
            modules=tuple(modules),
            compatibility_date=self.compatibility_date,
            compatibility_flags=tuple(self.compatibility_flags),
            bindings=tuple(self.bindings),
            assets=tuple(assets),
            assets_config=self.assets_config,
        )


def read_metadata(raw: bytes) -> Mapping[str, Any]:
    """Return the metadata of an upload, all keys of which may be there.

    It often comes before the modules: what is wrong by itself is said before those are read.

    Raises:
        InvalidInput: with a sentence for each key in `details["problems"]`.
    """
    told = {key: value for key, value in read_object(raw, "the script's metadata").items() if _says(value)}
    problems = [
        f"{key[:80]}: {_REFUSED.get(key, 'this key is not known here')}"
        for key in told
        if key not in _USED | _LEFT_OUT
    ]
    if problems:
        raise refusal(problems)
    return {key: told[key] for key in sorted(_USED & set(told))}


def check_metadata(
    told: Mapping[str, Any], modules: Mapping[str, str], provided: Collection[str]
) -> Metadata:
    """Return what `read_metadata` read, once it is known of which `modules` (name to type) the script is.

    `provided` are the names that the script's environment binds by itself.

    Raises:
        InvalidInput: with a sentence for each thing that is wrong in `details["problems"]`.
    """
    assets, bindings = told.get("assets"), told.get("bindings", [])
    around = Surroundings(modules, provided, has_assets=assets is not None)
    problems = [
        *_code_problems(told.get("main_module"), modules, has_assets=assets is not None),
        *_compatibility_problems(told),
        *_assets_problems(assets),
        *check_bindings(bindings, around),
    ]
    if problems:
        raise refusal(problems)
    return Metadata(
        main_module=told.get("main_module"),
        compatibility_date=told["compatibility_date"],
        compatibility_flags=told.get("compatibility_flags", []),
        bindings=own_bindings(bindings),
        assets_token=assets["jwt"] if assets else None,
        assets_config=assets.get("config", {}) if assets else None,
    )


def refusal(problems: Sequence[str]) -> InvalidInput:
    """Return the error that says all of `problems`."""
    return InvalidInput(
        f"reading the script's metadata: {'; '.join(problems)}",
        code="upload:invalid-metadata",
        problems=list(problems),
    )


def _says(value: Any) -> bool:
    """Tell whether a key asks for anything: `tail_consumers: []` and `logpush: false` do not."""
    return value not in (None, False, [], {})


def _code_problems(main_module: Any, modules: Mapping[str, str], *, has_assets: bool) -> list[str]:
    if main_module is None:
        if modules:
            return ["main_module: the script has modules, and none is named as the first"]
        return [] if has_assets else ["main_module: the upload has neither code nor assets"]
    if not isinstance(main_module, str) or main_module not in modules:
        return [f"main_module: the upload has no module {str(main_module)[:80]!r}"]
    if modules[main_module] not in JAVASCRIPT | {PYTHON}:
        return [f"main_module: {main_module} has the type {modules[main_module]}: export a default handler"]
    return []


def _compatibility_problems(told: Mapping[str, Any]) -> list[str]:
    problems = []
    date, flags = told.get("compatibility_date"), told.get("compatibility_flags", [])
    if not isinstance(date, str) or not _DATE.fullmatch(date):
        problems.append("compatibility_date: it is missing, or not of the form 2026-01-31")
    if not isinstance(flags, list) or len(flags) > _MAXIMUM_FLAGS or not all(map(_is_flag, flags)):
        problems.append("compatibility_flags: it is not a list of flags")
    return problems


def _is_flag(flag: Any) -> bool:
    return isinstance(flag, str) and _FLAG.fullmatch(flag) is not None


def _assets_problems(assets: Any) -> list[str]:
    if assets is None:
        return []
    if not isinstance(assets, dict) or not isinstance(assets.get("jwt"), str):
        return ["assets: the token that closes their upload is missing"]
    config = assets.get("config", {})
    if not isinstance(config, dict):
        return ["assets: config is not an object"]
    unknown = sorted({f"assets.{key}" for key in assets} - {"assets.jwt", "assets.config"})
    unknown += sorted(f"assets.config.{key}" for key in set(config) - _ASSETS_CONFIG)
    return [f"{key[:80]}: this key is not known here" for key in unknown]
