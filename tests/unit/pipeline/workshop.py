"""A workshop of fakes: workers are deployed at once, and their jobs run when a test says so."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.domain.environments import Environment
from app.domain.platform import Platform
from app.domain.sources import Source
from app.domain.workers import Options, Version, Worker
from app.pipeline.workers_bundle import Runtime
from app.pipeline.workers_deploy import Deployed, create_worker, update_worker
from app.pipeline.workers_expire import sweep_workers
from app.pipeline.workers_putting import Workshop
from app.pipeline.workers_settle import settle
from tests.fakes.bundles import FakeBundles
from tests.fakes.clock import FakeClock
from tests.fakes.functions import FakeCompiler, FakeEndpoints
from tests.fakes.jobs import FakeSteps
from tests.fakes.records import FakeRecords
from tests.fakes.scripts import FakeScripts
from tests.fakes.vault import FakeVault
from tests.unit.pipeline.world import NAMESPACES, PLATFORM

PRODUCTION = NAMESPACES[Environment.PRODUCTION]
HELLO = "export function hello() {}"
BYE = "export function bye() {}"


class FakeWorkshop:
    """Everything that a worker's deployment needs, in memory."""

    def __init__(self, platform: Platform = replace(PLATFORM, kept_deployments=3)) -> None:  # noqa: B008
        self.clock = FakeClock()
        self.records = FakeRecords(self.clock)
        self.scripts = FakeScripts()
        self.bundles = FakeBundles(self.clock)
        self.compiler = FakeCompiler()
        self.endpoints = FakeEndpoints(self.scripts, self.bundles)
        self.vault = FakeVault()
        self.paused = list[float]()
        self.on_pause: Callable[[], None] = lambda: None
        self.to = Workshop(
            records=self.records,
            scripts=self.scripts,
            bundles=self.bundles,
            vault=self.vault,
            platform=platform,
            clock=self.clock,
            compiler=self.compiler,
            endpoints=self.endpoints,
            runtime=Runtime({"functions_runtime/index.js": b"// runtime"}),
            entropy=random.Random(1),  # noqa: S311 - the same slugs every time
            pause=self._pause,
        )

    def create(self, code: str = HELLO, name: str = "shop", options: Options = Options()) -> Deployed:  # noqa: B008
        files = [Source("index.ts", code)]
        return create_worker(name, files, Environment.PRODUCTION, options, actor="ada", to=self.to)

    def update(self, code: str = BYE, options: Options | None = None) -> Deployed:
        self.clock.advance()
        files = [Source("index.ts", code)]
        return update_worker("shop", files, lambda known: options or known, actor="ada", to=self.to)

    def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.clock.advance(seconds)
        self.on_pause()

    def run_jobs(self) -> None:
        """Run every job that waits, with those that they ask for."""
        while self.records.queue:
            settle(self.records.queue.pop(0), FakeSteps(), self.to)

    def let_pass(self, seconds: float) -> None:
        """Let time pass, and everything be done that it brings."""
        self.clock.advance(seconds)
        sweep_workers(self.records, self.clock())
        self.run_jobs()

    def worker(self) -> Worker:
        with self.records.read() as tx:
            return tx.workers.get("shop")

    @property
    def versions(self) -> Sequence[Version]:
        with self.records.read() as tx:
            return tx.versions.of(self.worker().id)

    @property
    def up(self) -> set[str]:
        """The scripts that are up in production."""
        return set(self.scripts.namespaces.get(PRODUCTION, ()))

    def shows(self, script: str) -> str:
        """Return the author's code that a script is made of."""
        modules = self.scripts.uploads[PRODUCTION, script].bundle.modules
        (code,) = (it.sha256 for it in modules if it.name == "functions.js")
        return self.bundles.blobs[code].decode()

    def tags(self) -> list[str]:
        return [event.tag for event in self.records.events if event.tag.startswith("worker:")]
