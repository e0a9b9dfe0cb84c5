"""What the endpoints work with, put together once for the process."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flask import current_app

from sandbox.cloudflare.asset_uploads import AssetUploads
from sandbox.cloudflare.deploy import Deployments
from sandbox.cloudflare.gate import Gate
from sandbox.cloudflare.logs import Logs
from sandbox.cloudflare.runtime import Runtime
from sandbox.cloudflare.store import Store
from sandbox.cloudflare.uploads import Uploads

EXTENSION = "cloudflare"


@dataclass(frozen=True)
class World:
    """Everything behind the endpoints."""

    store: Store
    gate: Gate
    runtime: Runtime
    deployments: Deployments
    assets: AssetUploads
    uploads: Uploads
    logs: Logs
    user_id: str
    dispatch_url: str

    @classmethod
    def build(
        cls, *, directory: Path, gate: Gate, runtime: Runtime, signing_key: str, dispatch_url: str
    ) -> "World":
        """Put the parts together."""
        store = Store(directory)
        deployments = Deployments(store, runtime)
        assets = AssetUploads(store, gate.account_id, signing_key)
        return cls(
            store=store,
            gate=gate,
            runtime=runtime,
            deployments=deployments,
            assets=assets,
            uploads=Uploads(deployments, assets),
            logs=Logs(directory / "logs"),
            user_id=gate.account_id[::-1],
            dispatch_url=dispatch_url,
        )


def world() -> World:
    """Return the world of the current application."""
    return cast("World", current_app.extensions[EXTENSION])
