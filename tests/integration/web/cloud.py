"""Where workers are put up by the web application under test: fakes behind the ports, but for the records."""

import random
from dataclasses import dataclass, field

from app.domain.platform import Platform
from app.pipeline.workers_bundle import Runtime
from app.pipeline.workers_putting import Workshop
from app.pipeline.workers_settle import settle
from app.ports import Records, Vault
from tests.fakes.bundles import FakeBundles
from tests.fakes.clock import FakeClock
from tests.fakes.functions import FakeCompiler, FakeEndpoints
from tests.fakes.jobs import FakeSteps
from tests.fakes.scripts import FakeScripts


@dataclass
class Cloud:
    """Scripts, bundles and addresses in memory."""

    scripts: FakeScripts = field(default_factory=FakeScripts)
    bundles: FakeBundles = field(default_factory=FakeBundles)
    compiler: FakeCompiler = field(default_factory=FakeCompiler)
    endpoints: FakeEndpoints = field(init=False)

    def __post_init__(self) -> None:
        self.endpoints = FakeEndpoints(self.scripts, self.bundles)

    def workshop(self, records: Records, vault: Vault, platform: Platform, clock: FakeClock) -> Workshop:
        return Workshop(
            records=records,
            scripts=self.scripts,
            bundles=self.bundles,
            vault=vault,
            platform=platform,
            clock=clock,
            compiler=self.compiler,
            endpoints=self.endpoints,
            runtime=Runtime({"functions_runtime/index.js": b"// runtime"}),
            entropy=random.Random(2),  # noqa: S311 - slugs are no secrets
            pause=clock.advance,
        )

    def settle(self, to: Workshop, job_id: str) -> None:
        """Do what a worker's job does."""
        with to.records.read() as tx:
            job = tx.jobs.get(job_id)
        settle(job, FakeSteps(), to)
