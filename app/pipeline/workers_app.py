"""An app of a worker: its functions become files of a repository, with the same runtime and the same options.

The app has a slug, and so addresses, of its own; the worker answers at its own until it is deleted.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from app.domain.apps import App
from app.domain.callers import Person
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.sources import entry_points
from app.domain.workers import INVOKE_KEY, Version, Worker
from app.errors import Conflict
from app.pipeline.generate import GivenFile
from app.pipeline.provision import Order, request_app
from app.pipeline.variables import Editor, set_secrets
from app.pipeline.workers_putting import WorkerPutter, invoke_key
from app.pipeline.workers_sources import read_sources
from app.ports import Bundles, Transaction
from app.render.functions import runtime_options

FOLDER: Final = "functions"
_OPTIONS: Final = f"{FOLDER}/options.json"


@dataclass(frozen=True, slots=True)
class AppWish:
    """What an app of a worker is to be; without a name it has the worker's."""

    name: str | None = None
    is_private: bool = False
    branches: Mapping[str, Environment] | None = None


def worker_of_version(tx: Transaction, key: str) -> tuple[Worker, Version]:
    """Return a worker with the version that its address shows, or showed before it expired.

    Raises:
        NotFound: there is no such worker.
        Conflict: nothing ever went up of it.
    """
    worker = tx.workers.get(key)
    if worker.version_id is None:
        raise Conflict(f"looking at {worker.name}: nothing ever went up of it", code="worker:no-version")
    return worker, tx.versions.get(worker.version_id)


def app_files(version: Version, bundles: Bundles) -> list[GivenFile]:
    """Return a version's files as those of a repository; they export what the version does."""
    sources = read_sources(version.source, bundles)
    files = [GivenFile(f"{FOLDER}/{path}", content.decode()) for path, content in sources.items()]
    options = json.dumps(runtime_options(version.options), indent=2) + "\n"
    return [*files, *_index(list(sources), version), GivenFile(_OPTIONS, options)]


def request_worker_app(
    tx: Transaction,
    worker: Worker,
    files: Sequence[GivenFile],
    wish: AppWish,
    *,
    entropy: random.Random,
    actor: str,
    to: WorkerPutter,
    creator: Person | None = None,
) -> tuple[App, Job]:
    """Ask for an app with a worker's files; a key that callers bear is its secret from the start.

    Raises:
        InvalidInput: name or branches are not acceptable.
        Conflict: an app of that name exists, or the app cannot have secrets.
    """
    at = to.clock()
    order = Order(wish.name or worker.name, files, is_private=wish.is_private, branches=wish.branches)
    app, job = request_app(tx, order, at=at, entropy=entropy, actor=actor, creator=creator)
    key = invoke_key(tx, worker, to.vault)
    if key is not None:
        by = Editor(actor=actor, at=at, vault=to.vault, platform=to.platform)
        for environment in Environment:
            set_secrets(tx, app.id, environment, {INVOKE_KEY: key}, by)
    return app, job


def _index(paths: Sequence[str], version: Version) -> list[GivenFile]:
    """Return what makes the one file's default a function that can be called, as it was before."""
    entries = entry_points(paths)
    is_alone = len(entries) == 1 and PurePosixPath(entries[0]).stem != "index"
    if not (is_alone and "default" in version.functions):
        return []
    text = f'export * from "./{entries[0]}";\nexport {{ default }} from "./{entries[0]}";\n'
    return [GivenFile(f"{FOLDER}/index.ts", text)]
