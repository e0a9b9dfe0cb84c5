"""The only place where everything is wired together: settings in, processes out.

Three processes exist: `web_app` answers HTTP, `job_parts` work, `upgrade_database` prepares. They share the
database and nothing else. Nothing connects before it is used, so a web process may fork after this.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.database import migrate
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.addresses import Addresses
from app.domain.apps import App
from app.domain.deliveries import Delivery, DeliveryStatus
from app.domain.environments import Environment
from app.domain.jobs import Job, JobType
from app.domain.platform import Platform
from app.errors import RemoteUnavailable
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.contents import GitHubContents
from app.github.payloads import parse
from app.github.publications import GitHubPublications
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.github.runs import GitHubRuns
from app.jobs import engine as job_engine
from app.jobs.engine import DbosEngine
from app.pipeline.accept import work_off
from app.pipeline.follow import follow
from app.pipeline.install import PLACES, deploy_secret
from app.pipeline.preview import Previewer, preview
from app.pipeline.provision import Provisioner, provision
from app.pipeline.publish import Publisher, publish
from app.pipeline.retire import Retirer, delete_app, retire
from app.ports import DeployAccess, File, Steps, Transaction
from app.render.worker import render_worker_files
from app.settings import Settings, database_url_from_environ

if TYPE_CHECKING:
    from flask import Flask

    from app.jobs.process import Part
    from app.jobs.worker import Handler

_TEMPLATES: Final = Path(__file__).resolve().parent.parent / "actions_templates"


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


def web_app(environ: Mapping[str, str]) -> "Flask":
    """Return the WSGI application. Raises Misconfigured."""
    from app.web import create_app  # noqa: PLC0415 - the jobs process has no use for Flask
    from app.web.context import WebContext  # noqa: PLC0415

    wired = _Wiring(Settings.from_environ(environ))
    settings = wired.settings
    return create_app(
        WebContext(
            records=wired.records,
            engine=wired.engine,
            platform=wired.platform,
            clock=utc_now,
            entropy=random.SystemRandom(),
            api_token=settings.api_token,
            webhook_secret=settings.github.webhook_secret,
            deploy_secret=lambda app_id: deploy_secret(settings.secret_key.reveal(), app_id),
            deploy_access=wired.deploy_access,
            check_ready=wired.check_ready,
        )
    )


def job_parts(environ: Mapping[str, str]) -> "Sequence[Part]":
    """Return what a jobs process runs: the worker and the inbox. Raises Misconfigured."""
    from app.jobs.inbox import Inbox  # noqa: PLC0415 - a web process runs no job
    from app.jobs.worker import Worker  # noqa: PLC0415

    wired = _Wiring(Settings.from_environ(environ))
    worker = Worker(wired.settings.database_url, wired.handlers(), wired.records, utc_now, on_change=_follow)
    return worker, Inbox(wired.records, wired.work_off, utc_now)


def upgrade_database(environ: Mapping[str, str]) -> str:
    """Create or upgrade our tables and the engine's, and return the version."""
    url = database_url_from_environ(environ)
    migrate.upgrade(url)
    job_engine.migrate(url)
    return migrate.head()


@dataclass
class _Wiring:
    """The parts that a process asks for, each made once and when it is first needed."""

    settings: Settings

    @cached_property
    def platform(self) -> Platform:
        settings, cloudflare = self.settings, self.settings.cloudflare
        return Platform(
            url=settings.url,
            owner=settings.github.org,
            template=settings.github.template_repo,
            namespaces={
                Environment.PRODUCTION: cloudflare.namespace_production,
                Environment.STAGING: cloudflare.namespace_staging,
                Environment.PREVIEW: cloudflare.namespace_preview,
            },
            addresses=Addresses(
                settings.apps_origin, settings.dispatch_origin, path_first=settings.address_style == "path"
            ),
        )

    @cached_property
    def engine(self) -> DbosEngine:
        return DbosEngine(self.settings.database_url)

    @cached_property
    def records(self) -> SqlRecords:
        return SqlRecords(create_engine(self.settings.database_url), self.engine.enqueue, utc_now)

    @cached_property
    def github(self) -> GitHub:
        return GitHub(self.settings.github, utc_now)

    @cached_property
    def scripts(self) -> CloudflareScripts:
        cloudflare = self.settings.cloudflare
        return CloudflareScripts(Cloudflare(cloudflare, utc_now), cloudflare)

    def deploy_access(self) -> DeployAccess:
        return self.scripts.access()

    def check_ready(self) -> None:
        url = self.settings.database_url
        current, head = migrate.current(url), migrate.head()
        if current != head:
            raise RemoteUnavailable(
                f"starting: the database is at {current}, not at {head}: run branchline db upgrade",
                code="database:not-migrated",
            )

    def work_off(self, tx: Transaction, delivery: Delivery) -> DeliveryStatus:
        return work_off(
            tx,
            delivery,
            parse=lambda d: parse(d.event, d.body),
            platform=self.platform,
            at=utc_now(),
        )

    def handlers(self) -> "Mapping[JobType, Handler]":
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


def _follow(tx: Transaction, job: Job) -> None:
    follow(tx, job, utc_now())
