"""The gateway for gunicorn, with the bundle store in the directory `BUNDLES`: `served:application()`.

Whoever makes a `World` of their own has the grant for this one, because nothing in it is left to chance.
"""

import os
from dataclasses import replace
from pathlib import Path

from flask import Flask

from app.bundles.directory import DirectoryBundles
from app.web.gateway import create_gateway
from tests.integration.gateway.world import World


def application() -> Flask:
    world = World(DirectoryBundles(Path(os.environ["BUNDLES"])))
    return create_gateway(replace(world.context, body_seconds=float(os.environ["BODY_SECONDS"])))
