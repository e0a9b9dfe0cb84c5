"""The jobs process: the worker with its handlers, and the inbox."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from app.bootstrap.shared import Shared, utc_now
from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.domain.apps import App
from app.domain.deliveries import Delivery, DeliveryStatus
from app.domain.jobs import Job, JobType
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.contents import GitHubContents
from app.github.payloads import parse
from app.github.publications import GitHubPublications
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.github.runs import GitHubRuns
from app.jobs.inbox import Inbox
from app.jobs.process import Part
from app.jobs.worker import Handler, Worker
from app.pipeline.accept import work_off
from app.pipeline.follow import follow
from app.pipeline.install import PLACES
from app.pipeline.preview import Previewer, preview
from app.pipeline.provision import Provisioner, provision
from app.pipeline.publish import Publisher, publish
from app.pipeline.retire import Retirer, delete_app, retire
from app.ports import File, Steps, Transaction
from app.render.worker import render_worker_files
from app.settings import Settings

_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "actions_templates"


def job_parts(environ: Mapping[str, str]) -> Sequence[Part]:
    """Return what a jobs process runs: the worker and the inbox. Raises Misconfigured."""
    wired = _Jobs(Settings.from_environ(environ))
    url = wired.settings.database_url
    worker = Worker(url, wired.handlers(), wired.records, utc_now, on_change=_follow)
    return worker, Inbox(wired.records, wired.work_off, utc_now)


def _follow(tx: Transaction, job: Job) -> None:
    follow(tx, job, utc_now())


class _Jobs(Shared):
    """What only a jobs process needs: the adapters, and the verbs that use them."""

    @cached_property
    def github(self) -> GitHub:
        return GitHub(self.settings.github, utc_now)

    @cached_property
    def scripts(self) -> CloudflareScripts:
        cloudflare = self.settings.cloudflare
        return CloudflareScripts(Cloudflare(cloudflare, utc_now), cloudflare, self.bundles)

    def work_off(self, tx: Transaction, delivery: Delivery) -> DeliveryStatus:
        return work_off(
            tx, delivery, parse=lambda d: parse(d.event, d.body), platform=self.platform, at=utc_now()
        )

    def handlers(self) -> Mapping[JobType, Handler]:
        provisioner, publisher = self._provisioner(), self._publisher()
        previewer, retirer = self._previewer(), self._retirer()

        def run_provision(job: Job, steps: Steps) -> object:
            return provision(job, steps, provisioner)

        def run_publish(job: Job, steps: Steps) -> object:
            return publish(job, steps, publisher)

        def run_preview(job: Job, steps: Steps) -> object:
            return preview(job, steps, previewer)

        def run_retire(job: Job, steps: Steps) -> object:
            return retire(job, steps, retirer)

        def run_delete(job: Job, steps: Steps) -> object:
            return delete_app(job, steps, retirer)

        return {
            JobType.PROVISION: run_provision,
            JobType.PUBLISH: run_publish,
            JobType.PREVIEW: run_preview,
            JobType.RETIRE: run_retire,
            JobType.DELETE: run_delete,
        }

    def _provisioner(self) -> Provisioner:
        github = self.settings.github
        return Provisioner(
            records=self.records,
            repositories=GitHubRepositories(self.github),
            contents=GitHubContents(self.github),
            settings=GitHubRepositorySettings(self.github),
            runs=GitHubRuns(self.github),
            scripts=self.scripts,
            platform=self.platform,
            clock=utc_now,
            secret_key=self.settings.secret_key.reveal(),
            # A GitHub App has one webhook of its own for all repositories.
            webhook_secret=None if github.app_id else github.webhook_secret.reveal(),
            templates={name: (_TEMPLATES / name).read_bytes() for name in PLACES},
            generated=self._generated,
        )

    def _generated(self, app: App) -> Sequence[File]:
        return render_worker_files(app, self.platform.addresses)

    def _publisher(self) -> Publisher:
        return Publisher(self.records, GitHubPublications(self.github), self.platform)

    def _previewer(self) -> Previewer:
        return Previewer(self.records, GitHubComments(self.github), self.platform, utc_now)

    def _retirer(self) -> Retirer:
        return Retirer(
            records=self.records,
            scripts=self.scripts,
            runs=GitHubRuns(self.github),
            repositories=GitHubRepositories(self.github),
            comments=GitHubComments(self.github),
            platform=self.platform,
            clock=utc_now,
        )
