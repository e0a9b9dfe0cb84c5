"""A world whose remotes drift away from what is recorded, and are reconciled."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from app.domain.apps import App, Heal
from app.domain.drift import NOBODY, Drift, Kind
from app.domain.environments import Environment
from app.domain.events import Event
from app.domain.jobs import Job, JobStatus, JobType
from app.domain.platform import Platform
from app.domain.runs import RunReport
from app.pipeline.install import PLACES, WEBHOOK_EVENTS
from app.pipeline.reconcile import reconcile, request_pass, request_reconcile
from app.pipeline.reconcile_look import Reconciler
from app.ports import Steps
from tests.fakes.code_host_files import FakeTrees
from tests.fakes.code_host_ports import FakeContents, FakeRepositories, FakeRepositorySettings, FakeRuns
from tests.fakes.code_host_sights import FakeSights
from tests.unit.pipeline.runs import a_run
from tests.unit.pipeline.world import NAMESPACES, PLATFORM, WORKFLOW, World

_TEMPLATES: Final = Path(__file__).parents[3] / "actions_templates"
FILES: Final = {PLACES[name]: content for name, content in WORKFLOW.items()}
# What is the newest in truth is an older version beside the files of tests.
OLDER: Final = {PLACES[name]: (_TEMPLATES / name).read_bytes() for name in WORKFLOW}
PRODUCTION = NAMESPACES[Environment.PRODUCTION]
PREVIEW = NAMESPACES[Environment.PREVIEW]
WORKFLOW_FILE = ".github/workflows/deploy.yml"


class Drifting(World):
    """A world with a reconciler; time passes between what happens and a look."""

    def __init__(self, platform: Platform = PLATFORM, webhook_secret: str | None = "the secret") -> None:
        super().__init__(platform)
        self.sights = FakeSights(self.host)
        self.webhook_secret = webhook_secret
        self.redelivered: list[str] = []

    def settled_app(self, heal: Heal | None = None, **changes: Any) -> App:
        """Keep an app whose repository is as we would have made it, with nothing deployed yet."""
        app = self.app(heal=heal, **changes)
        repository = self.repository()
        self.host.push(repository.full_name, "main", FILES, "Set up")
        settings = FakeRepositorySettings(self.host)
        if self.webhook_secret is not None:
            url = f"{self.platform.url}/webhooks/github"
            settings.ensure_webhook(repository.full_name, url, self.webhook_secret, WEBHOOK_EVENTS)
        return app

    def reconciler(self) -> Reconciler:
        return Reconciler(
            records=self.records,
            sights=self.sights,
            scripts=self.scripts,
            repositories=FakeRepositories(self.host),
            contents=FakeContents(self.host),
            trees=FakeTrees(self.host),
            settings=FakeRepositorySettings(self.host),
            runs=FakeRuns(self.host),
            platform=self.platform,
            clock=self.clock,
            templates=WORKFLOW,
            webhook_secret=self.webhook_secret,
            redeliver=lambda app: self.redelivered.append(app.id),
        )

    def handlers(self) -> dict[JobType, Any]:
        def run(job: Job, steps: Steps) -> Any:
            return reconcile(job, steps, self.reconciler())

        return {**super().handlers(), JobType.RECONCILE: run}

    def run(self, job: Job, steps: Steps | None = None) -> Any:
        """Run a job to its end, and write down that it ended."""
        result = super().run(job, steps)
        with self.records.begin() as tx:
            tx.jobs.save(replace(tx.jobs.get(job.id), status=JobStatus.COMPLETED))
        return result

    def later(self, **span: float) -> None:
        """Let time pass: enough for a look to count, unless told otherwise."""
        self.clock.advance(timedelta(**(span or {"minutes": 5})).total_seconds())

    def look_at_all(self) -> Any:
        """Run one pass and nothing that it asks for."""
        self.later()
        with self.records.begin() as tx:
            job = request_pass(tx)
        return self.run(job)

    def look_at_app(self, heal: Heal | None = None) -> Any:
        """Look at the one app, and run nothing that it asks for."""
        self.later()
        with self.records.begin() as tx:
            job = request_reconcile(tx, tx.apps.get("app_0001"), heal=heal)
        return self.run(job)

    def heal_all(self) -> None:
        """Run passes, and what they ask for, until a pass asks for nothing more."""
        for _ in range(10):
            self.later()
            with self.records.begin() as tx:
                request_pass(tx)
            before = len(self.records.queue)
            self.run_queue()
            if len(self.records.queue) == before:
                return
        raise AssertionError(f"there is always something to heal: {self.drift()}")

    def drift(self, app_id: str = "app_0001") -> list[tuple[Kind, str]]:
        """Return what is open of an app."""
        return [(it.kind, it.subject) for it in self.open_drift(app_id)]

    def open_drift(self, app_id: str = "app_0001") -> list[Drift]:
        with self.records.read() as tx:
            return list(tx.drifts.of([app_id]))

    def orphans(self) -> list[tuple[Kind, str]]:
        return self.drift(NOBODY)

    def told(self, prefix: str = "drift:") -> list[Event]:
        """Return what was written down of drift."""
        return [event for event in self.records.events if event.tag.startswith(prefix)]


def push(world: Drifting, branch: str = "main", event: str = "push", **report: Any) -> RunReport:
    """Push a commit, and return what its run says of itself; nobody has heard of it yet."""
    repository = world.repository()
    commit = world.host.push(repository.full_name, branch, {"index.html": branch.encode()}, "Change")
    run = repository.runs[-1].run
    return a_run(
        run.number,
        event=event,
        branch=branch,
        ref=f"refs/heads/{branch}",
        commit=commit,
        run_id=run.id,
        run_url=run.url,
        **report,
    )


def end_run(world: Drifting, report: RunReport, conclusion: str = "success") -> None:
    """Let a run end at the host, without a word to us."""
    world.host.set_run(world.repository().full_name, report.run_id, "completed", conclusion)


def deployed(world: Drifting, branch: str = "main", **report: Any) -> RunReport:
    """Push, deploy and end the run, all of it heard."""
    pushed = push(world, branch, **report)
    world.deploy(pushed)
    end_run(world, pushed)
    return pushed


def at_rest(world: Drifting) -> Drifting:
    """Make one app that is live, and leave nothing to find."""
    world.settled_app()
    deployed(world)
    world.run_queue()
    world.look_at_all()
    assert world.drift() == []
    return world
