"""A whole platform in memory: the pipeline's ports over fakes, and its jobs run when a test says so."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from app.domain.addresses import Addresses
from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.bundles import Bundle, Module
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Event
from app.domain.jobs import Job, JobType
from app.domain.platform import DeployAuth, Platform
from app.domain.pulls import PullRequest
from app.domain.reports import RepositoryName, WorkflowRunChanged
from app.domain.runs import RunOutcome, RunReport
from app.pipeline.approve import Approver, approve
from app.pipeline.expire import expire
from app.pipeline.fork_preview import ForkPreviewer, fork_preview
from app.pipeline.import_repository import Importer
from app.pipeline.point import Decision, Released
from app.pipeline.preview import Previewer, preview
from app.pipeline.promote import promote, request_promotion
from app.pipeline.provision import Order, Provisioner, provision, request_app
from app.pipeline.publish import Publisher, publish
from app.pipeline.putting import Putter
from app.pipeline.record import finish, run_changed
from app.pipeline.redeploy import Redeployer, redeploy, request_redeploy
from app.pipeline.release import release
from app.pipeline.restore import restore
from app.pipeline.resume import resume
from app.pipeline.retire import Retirer, delete_app, retire
from app.pipeline.rollback import rollback
from app.pipeline.start import Plan, start
from app.pipeline.upload import go_live
from app.ports import File, Steps
from app.render.worker import render_worker_files
from tests.builders import an_app
from tests.fakes.bundles import FakeBundles
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost, FakeRepository
from tests.fakes.code_host_files import FakeTrees
from tests.fakes.code_host_forks import FakeArtifacts, FakeMembers, FakePullHeads, FakeRecordings
from tests.fakes.code_host_histories import FakeHistories, FakeNewRepositories
from tests.fakes.code_host_people import FakeMemberships
from tests.fakes.code_host_ports import (
    FakeComments,
    FakeContents,
    FakePublications,
    FakeRepositories,
    FakeRepositorySettings,
    FakeRuns,
)
from tests.fakes.jobs import FakeSteps
from tests.fakes.records import FakeRecords
from tests.fakes.scripts import FakeScripts
from tests.fakes.vault import FakeVault

REPOSITORY_ID = 501
OURS = RepositoryName(REPOSITORY_ID, "acme/app-1")
TEMPLATE = "branchline/template"
NAMESPACES = {
    Environment.PRODUCTION: "live-production",
    Environment.STAGING: "live-staging",
    Environment.PREVIEW: "live-preview",
}
PLATFORM = Platform(
    url="https://branchline.test",
    owner="acme",
    template=TEMPLATE,
    namespaces=NAMESPACES,
    addresses=Addresses("https://apps.test", "https://dispatch.test"),
    untrusted_namespace="live-untrusted",
)
WITHOUT_GATEWAY = replace(PLATFORM, deploy_auth=DeployAuth.TOKEN)
WORKFLOW = {"deploy.yml": b"name: Deploy\n", "deploy.mjs": b"// deploys\n", "record.mjs": b"// records\n"}
TEMPLATE_FILES = {"README.md": b"# Template\n", "package.json": b"{}\n"}


class World:
    """Everything the pipeline's verbs need, with one app once `app()` was called."""

    def __init__(self, platform: Platform = PLATFORM) -> None:
        self.clock = FakeClock()
        self.host = FakeCodeHost(self.clock)
        self.records = FakeRecords(self.clock)
        self.scripts = FakeScripts(self.clock)
        self.bundles = FakeBundles(self.clock)
        self.vault = FakeVault()
        self.platform = platform
        self.entropy = random.Random(1)  # noqa: S311 - slugs are no secrets
        self.host.add_repository(TEMPLATE, TEMPLATE_FILES, is_template=True)
        self._runs_done = 0

    # -------------------- what is there

    def order(self, name: str = "hello", **given: Any) -> tuple[App, Job]:
        """Ask for an app."""
        with self.records.begin() as tx:
            return request_app(tx, Order(name, **given), at=self.clock(), entropy=self.entropy, actor="token")

    def app(self, **changes: Any) -> App:
        """Keep an app that is ready, with its repository and its namespaces."""
        repository = self.host.add_repository("acme/app-1", TEMPLATE_FILES)
        repository.description = replace(repository.description, id=REPOSITORY_ID)
        app = an_app(**{"repository": repository.description, **changes})
        with self.records.begin() as tx:
            tx.apps.add(app)
        for namespace in (*NAMESPACES.values(), self.platform.untrusted_namespace):
            self.scripts.ensure_namespace(namespace)
        return app

    def pull(self, pull: PullRequest) -> PullRequest:
        with self.records.begin() as tx:
            tx.pulls.save(pull)
        return pull

    def deployment(self, deployment: Deployment) -> Deployment:
        """Keep a deployment, whose commit is in the repository too."""
        with self.records.begin() as tx:
            tx.deployments.add(deployment)
        self.know(deployment.commit)
        return deployment

    def know(self, commit: str) -> str:
        """Have the repository hold a commit."""
        repository = self.repository()
        repository.commits[commit] = repository.commits[repository.branches["main"]]
        return commit

    def deployment_status(self, status: Status) -> None:
        """Move the newest deployment to a status, without telling anybody."""
        with self.records.begin() as tx:
            newest = tx.deployments.find("app_0001", limit=1)[0]
            tx.deployments.save(replace(newest, status=status))

    # -------------------- what runs report

    def start(self, report: RunReport) -> Plan:
        self.know(report.commit)
        with self.records.begin() as tx:
            return start(tx, report, self.platform, self.clock())

    def upload(self, report: RunReport, code: str | None = None) -> Deployment:
        """Put up what a run that has started brings, which tells its commit unless `code` is given."""
        with self.records.read() as tx:
            deployment = tx.deployments.by_run("app_0001", report.run_id, report.run_attempt)
        assert deployment is not None, "a run starts before it uploads"
        return go_live(deployment.id, self.bundle(code or report.commit), self.putter())

    def deploy(self, report: RunReport, code: str | None = None) -> Deployment:
        """Have a run start, upload and end well."""
        plan = self.start(report)
        assert plan.refusal is None, plan.refusal
        self.upload(report, code)
        return self.finish(report)

    def finish(self, report: RunReport, conclusion: str = "success", **outcome: Any) -> Deployment:
        self.know(report.commit)
        with self.records.begin() as tx:
            ended = RunOutcome(deployment_id=None, conclusion=conclusion, **outcome)
            return finish(tx, report, ended, self.platform, self.clock())

    def hear(self, report: WorkflowRunChanged) -> bool:
        self.know(report.head_commit)
        with self.records.begin() as tx:
            return run_changed(tx, report, self.platform, self.clock())

    def during(self, script: str, happens: Callable[[], object], *, is_late: bool = False) -> None:
        """Have something happen once while a script is put up: before it is another one, or after."""
        around, to_come = self.scripts.around_put, [script]

        @contextmanager
        def put(name: str) -> Iterator[None]:
            with around(name):
                if name in to_come and not is_late:
                    to_come.clear()
                    happens()
                yield
                if name in to_come:
                    to_come.clear()
                    happens()

        self.scripts.around_put = put

    # -------------------- what people decide

    def decision(self, actor: str = "ada") -> Decision:
        return Decision(actor, self.clock(), self.platform)

    def rollback(self, to: str | None = None, environment: Environment = Environment.PRODUCTION) -> Released:
        with self.records.begin() as tx:
            return rollback(tx, "app-1", environment, to, self.decision())

    def resume(
        self, environment: Environment = Environment.PRODUCTION, pull_request: int | None = None
    ) -> Released:
        with self.records.begin() as tx:
            return resume(tx, "app-1", environment, pull_request, self.decision())

    def promote(self, deployment_id: str, environment: Environment = Environment.PRODUCTION) -> Released:
        with self.records.begin() as tx:
            return request_promotion(tx, deployment_id, environment, self.decision())

    def redeploy(self, deployment_id: str) -> Job:
        with self.records.begin() as tx:
            return request_redeploy(tx, deployment_id, self.decision())[1]

    # -------------------- what is looked at

    def alias(self, script: str = "slug0001") -> Alias:
        with self.records.read() as tx:
            alias = tx.aliases.get(script)
        assert alias is not None, f"nothing was ever meant for {script}"
        return alias

    def code(self, script: str = "slug0001", namespace: str | None = None) -> str | None:
        """Return the code that a script answers with: what was given to `upload`."""
        places = [namespace] if namespace else self.scripts.namespaces
        found = [it for it in places if script in self.scripts.namespaces[it]]
        if not found:
            return None
        module = self.scripts.uploads[found[0], script].bundle.modules[0]
        return self.bundles.blobs[module.sha256].decode()

    def current(self, key: str = "app_0001") -> App:
        with self.records.read() as tx:
            return tx.apps.get(key)

    def deployments(self) -> list[Deployment]:
        with self.records.read() as tx:
            return list(tx.deployments.find("app_0001"))

    def known_pull(self, number: int = 7) -> PullRequest:
        with self.records.read() as tx:
            pull = tx.pulls.get("app_0001", number)
        assert pull is not None
        return pull

    def events(self, subject: str | None = None) -> list[Event]:
        """Return what happened, but for what happened to jobs."""
        found = [event for event in self.records.events if not event.tag.startswith("job:")]
        return [event for event in found if subject in {None, event.subject}]

    def tags(self, subject: str | None = None) -> list[str]:
        return [event.tag for event in self.events(subject)]

    def jobs(self, job_type: JobType) -> list[Job]:
        """Return the jobs of a type that were asked for."""
        return [job for job in self.records.queue if job.type is job_type]

    def repository(self, full_name: str = "acme/app-1") -> FakeRepository:
        return self.host.repository(full_name)

    # -------------------- what is run

    def run(self, job: Job, steps: Steps | None = None) -> Any:
        """Run a job to its end, or until it crashes."""
        return self.handlers()[job.type](job, steps or FakeSteps())

    def handlers(self) -> dict[JobType, Callable[[Job, Steps], Any]]:
        redeployer = Redeployer(self.records, FakeRuns(self.host))
        return {
            JobType.PROVISION: lambda job, steps: provision(job, steps, self.provisioner()),
            JobType.PUBLISH: lambda job, steps: publish(job, steps, self.publisher()),
            JobType.PREVIEW: lambda job, steps: preview(job, steps, self.previewer()),
            JobType.RETIRE: lambda job, steps: retire(job, steps, self.retirer()),
            JobType.DELETE: lambda job, steps: delete_app(job, steps, self.retirer()),
            JobType.RELEASE: lambda job, steps: release(job, steps, self.putter()),
            JobType.PROMOTE: lambda job, steps: promote(job, steps, self.putter()),
            JobType.REDEPLOY: lambda job, steps: redeploy(job, steps, redeployer),
            JobType.EXPIRE: lambda job, steps: expire(job, steps, self.putter()),
            JobType.RESTORE: lambda job, steps: restore(job, steps, self.putter()),
            JobType.APPROVE: lambda job, steps: approve(job, steps, self.approver()),
            JobType.FORK_PREVIEW: lambda job, steps: fork_preview(job, steps, self.fork_previewer()),
        }

    def run_queue(self) -> list[Any]:
        """Run every job that was asked for and not run yet, also those that these ask for."""
        results = list[Any]()
        for _ in range(1000):
            if self._runs_done == len(self.records.queue):
                return results
            self._runs_done += 1
            results.append(self.run(self.records.queue[self._runs_done - 1]))
        raise AssertionError("jobs ask for jobs without end")

    def run_next(self) -> Any:
        """Run the one job that waits the longest."""
        self._runs_done += 1
        return self.run(self.records.queue[self._runs_done - 1])

    def forget_queue(self) -> None:
        """Take what was asked for so far as done."""
        self._runs_done = len(self.records.queue)

    def new_jobs(self) -> list[Job]:
        """Return the jobs that wait to be run."""
        return self.records.queue[self._runs_done :]

    def provisioner(self, webhook_secret: str | None = "the webhook secret") -> Provisioner:
        return Provisioner(
            records=self.records,
            repositories=FakeRepositories(self.host),
            contents=FakeContents(self.host),
            settings=FakeRepositorySettings(self.host),
            runs=FakeRuns(self.host),
            memberships=FakeMemberships(self.host),
            scripts=self.scripts,
            platform=self.platform,
            clock=self.clock,
            secret_key="k" * 32,
            webhook_secret=webhook_secret,
            templates=WORKFLOW,
            generated=self.generated,
            importer=self.importer(),
        )

    def importer(self) -> Importer:
        return Importer(
            histories=FakeHistories(self.host),
            new_repositories=FakeNewRepositories(self.host),
            repositories=FakeRepositories(self.host),
            trees=FakeTrees(self.host),
        )

    def generated(self, app: App) -> list[File]:
        return render_worker_files(app, self.platform.addresses)

    def bundle(self, code: str) -> Bundle:
        """Return a bundle of one module, whose bytes are kept."""
        sha256 = self.bundles.keep(code.encode())
        module = Module("index.js", "application/javascript+module", sha256, len(code))
        return Bundle("index.js", [module], "2026-11-01")

    def putter(self) -> Putter:
        return Putter(
            records=self.records,
            scripts=self.scripts,
            bundles=self.bundles,
            vault=self.vault,
            platform=self.platform,
            clock=self.clock,
        )

    def approver(self) -> Approver:
        return Approver(self.records, FakeMembers(self.host), FakePullHeads(self.host), self.clock)

    def fork_previewer(self) -> ForkPreviewer:
        return ForkPreviewer(
            runs=FakeRuns(self.host),
            artifacts=FakeArtifacts(self.host),
            recordings=FakeRecordings(self.bundles, self.host.faults),
            putter=self.putter(),
        )

    def publisher(self) -> Publisher:
        return Publisher(self.records, FakePublications(self.host), self.platform)

    def previewer(self) -> Previewer:
        return Previewer(self.records, FakeComments(self.host), self.platform, self.clock)

    def retirer(self) -> Retirer:
        return Retirer(
            records=self.records,
            scripts=self.scripts,
            runs=FakeRuns(self.host),
            repositories=FakeRepositories(self.host),
            comments=FakeComments(self.host),
            platform=self.platform,
            clock=self.clock,
        )
