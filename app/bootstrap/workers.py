"""What puts workers up: in a web process with a compiler, in a jobs process without."""

import random
import shutil
import time
from pathlib import Path
from typing import Final

from app.bootstrap.shared import Shared, utc_now
from app.dispatch.endpoints import DispatchEndpoints
from app.functions.esbuild import EsbuildCompiler
from app.pipeline.workers_bundle import Runtime
from app.pipeline.workers_putting import WorkerPutter, Workshop
from app.render.functions import RUNTIME
from app.settings import Settings

_RUNTIME: Final = Path(__file__).resolve().parents[2] / "functions_runtime" / "src"


def worker_putter(shared: Shared) -> WorkerPutter:
    """Return what brings workers in line with what is recorded."""
    return WorkerPutter(
        records=shared.records,
        scripts=shared.scripts,
        bundles=shared.bundles,
        vault=shared.vault,
        platform=shared.platform,
        clock=utc_now,
    )


def workshop(shared: Shared) -> Workshop:
    """Return what makes workers of functions."""
    putter = worker_putter(shared)
    return Workshop(
        records=putter.records,
        scripts=putter.scripts,
        bundles=putter.bundles,
        vault=putter.vault,
        platform=putter.platform,
        clock=putter.clock,
        compiler=EsbuildCompiler(_esbuild(shared.settings)),
        endpoints=DispatchEndpoints(shared.settings.dispatch_origin),
        runtime=Runtime(runtime_modules()),
        entropy=random.SystemRandom(),
        pause=time.sleep,
    )


def runtime_modules() -> dict[str, bytes]:
    """Return the runtime's modules by the names that they are imported by."""
    return {f"{RUNTIME}/{path.name}": path.read_bytes() for path in sorted(_RUNTIME.glob("*.js"))}


def _esbuild(settings: Settings) -> Path | None:
    if settings.esbuild is not None:
        return settings.esbuild
    found = shutil.which("esbuild")
    return Path(found) if found else None
