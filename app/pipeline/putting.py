"""Putting: a bundle goes up under a script, with what its environment adds.

The one way in which anything goes up: gateway, release, restore and forks' previews all come here.
"""

from dataclasses import dataclass
from typing import Final

from app.domain.apps import App
from app.domain.deployments import Deployment, tags
from app.domain.platform import Platform
from app.pipeline import standing
from app.pipeline.bindings import environment_bindings
from app.pipeline.standing import Place
from app.ports import Bundles, Clock, Limits, Records, Scripts, Upload, Vault

# Code that nobody of the app has read: enough to look at a page, too little to be of use to anybody else.
UNTRUSTED_LIMITS: Final = Limits(cpu_ms=50, subrequests=20)


@dataclass(frozen=True, slots=True)
class Putter:
    """The ports that putting up needs."""

    records: Records
    scripts: Scripts
    bundles: Bundles
    vault: Vault
    platform: Platform
    clock: Clock


def put_up(app: App, deployment: Deployment, script: str, bundle_digest: str, to: Putter) -> None:
    """Put a bundle up as `script` for this deployment, its alias or its own; may be repeated.

    Raises:
        ScriptRefused: Cloudflare does not take it; what was there before is there still.
        RemoteUnavailable: nobody knows whether it is there.
    """
    bundle = to.bundles.load(bundle_digest)
    with to.records.read() as tx:
        bindings = environment_bindings(tx, app, deployment, bundle, to.vault)
    upload = Upload(
        bundle=bundle,
        bindings=bindings,
        tags=script_tags(app, deployment, script),
        scope=asset_scope(deployment),
        limits=UNTRUSTED_LIMITS if deployment.is_from_fork else Limits(cpu_ms=to.platform.cpu_ms),
    )
    standing.put(Place(app.id, deployment.namespace, script), deployment.id, upload, to)


def script_tags(app: App, deployment: Deployment, script: str) -> list[str]:
    """Return the tags of one of a deployment's scripts; its own are told from aliases."""
    found = tags(deployment, app.slug)
    return [*found, f"own-{app.slug}"] if script == deployment.own_script else found


def asset_scope(deployment: Deployment) -> str:
    """Return what salts the names of a deployment's assets: its app, and for a fork its pull request too."""
    if deployment.is_from_fork:
        return f"{deployment.app_id}/fork-pr{deployment.pull_request}"
    return deployment.app_id


def naming_scope(deployment: Deployment) -> str:
    """Return whose names for assets are believed: those of its environment, or of the fork's pull request."""
    if deployment.is_from_fork:
        return asset_scope(deployment)
    return f"{deployment.app_id}/{deployment.environment}"
