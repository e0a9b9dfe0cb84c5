"""The jobs process: the worker with its handlers, the inbox, and the sweeper."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from app.bootstrap.code_host import code_host_over
from app.bootstrap.forks import approver, fork_previewer
from app.bootstrap.reconciling import reconciler
from app.bootstrap.redelivery import redeliverer
from app.bootstrap.shared import Shared, utc_now
from app.bootstrap.workers import worker_putter
from app.domain.apps import App
from app.domain.deliveries import Delivery, DeliveryStatus
from app.domain.jobs import Job, JobType
from app.domain.urgency import in_background
from app.git.histories import GitHistories
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.contents import GitHubContents
from app.github.memberships import GitHubMemberships
from app.github.new_repositories import GitHubNewRepositories
from app.github.payloads import parse
from app.github.proposals import GitHubProposals
from app.github.publications import GitHubPublications
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.github.runs import GitHubRuns
from app.github.trees import GitHubTrees
from app.github.upstreams import GitHubUpstreams
from app.jobs.inbox import Inbox
from app.jobs.process import Part
from app.jobs.sweeper import Sweeper
from app.jobs.worker import Handler, Worker
from app.pipeline.accept import VERSION, work_off
from app.pipeline.approve import approve
from app.pipeline.archive import archive
from app.pipeline.commit import Committer, run_commit
from app.pipeline.discard import discard_deliveries
from app.pipeline.expire import expire, sweep
from app.pipeline.follow import follow
from app.pipeline.fork_preview import fork_preview
from app.pipeline.import_repository import Importer
from app.pipeline.install import PLACES
from app.pipeline.invoke_later import LaterInvoker, invoke_later
from app.pipeline.preview import Previewer, preview
from app.pipeline.promote import promote
from app.pipeline.provision import Provisioner, provision
from app.pipeline.publish import Publisher, publish
from app.pipeline.reconcile import reconcile, schedule
from app.pipeline.redeliver import redeliver
from app.pipeline.redeliver import sweep as sweep_deliveries
from app.pipeline.redeploy import Redeployer, redeploy
from app.pipeline.release import release
from app.pipeline.restore import restore
from app.pipeline.retire import Retirer, delete_app, retire
from app.pipeline.sign_in import forget_sessions
from app.pipeline.sync import Syncer, run_sync
from app.pipeline.workers_expire import sweep_workers
from app.pipeline.workers_settle import settle
from app.ports import File, Transaction
from app.render.worker import render_worker_files
from app.settings import Settings

log = logging.getLogger(__name__)

_COUNTED_AT_ONCE: Final = 2000
_ROUND: Final = 100
_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "actions_templates"


def job_parts(environ: Mapping[str, str]) -> Sequence[Part]:
    """Return what a jobs process runs: the worker, the inbox and the sweepers. Raises Misconfigured."""
    wired = _Jobs(Settings.from_environ(environ))
    url = wired.settings.database_url
    worker = Worker(url, wired.handlers(), wired.records, utc_now, on_change=_follow)
    inbox = Inbox(wired.records, wired.work_off, utc_now, version=VERSION)
    sweepers = (
        Sweeper(wired.sweep),
        Sweeper(wired.archive_events, name="archive"),
        Sweeper(in_background()(wired.sweep_deliveries), name="redelivery"),
        Sweeper(wired.discard_deliveries, name="retention"),
        Sweeper(wired.schedule_pass, name="reconcile"),
        Sweeper(wired.advance_totals, name="metrics"),
    )
    return worker, inbox, *sweepers


def _follow(tx: Transaction, job: Job) -> None:
    follow(tx, job, utc_now())


class _Jobs(Shared):
    """What only a jobs process needs: the adapters, and the verbs that use them."""

    @cached_property
    def github(self) -> GitHub:
        return GitHub(self.settings.github, utc_now, pace=self.github_pace)

    @cached_property
    def histories(self) -> GitHistories:
        return GitHistories(self.github.token)

    def work_off(self, tx: Transaction, delivery: Delivery) -> DeliveryStatus:
        return work_off(
            tx, delivery, parse=lambda d: parse(d.event, d.body), platform=self.platform, at=utc_now()
        )

    def handlers(self) -> Mapping[JobType, Handler]:
        retirer = self._retirer()
        return {
            JobType.PROVISION: partial(provision, to=self._provisioner()),
            JobType.PUBLISH: partial(publish, to=self._publisher()),
            JobType.PREVIEW: partial(preview, to=self._previewer()),
            JobType.RETIRE: partial(retire, to=retirer),
            JobType.DELETE: partial(delete_app, to=retirer),
            JobType.RELEASE: partial(release, to=self.putter),
            JobType.PROMOTE: partial(promote, to=self.putter),
            JobType.REDEPLOY: partial(redeploy, to=Redeployer(self.records, GitHubRuns(self.github))),
            JobType.EXPIRE: in_background()(partial(expire, to=self.putter)),
            JobType.RESTORE: partial(restore, to=self.putter),
            JobType.APPROVE: partial(approve, to=approver(self, self.github)),
            JobType.FORK_PREVIEW: partial(fork_preview, to=fork_previewer(self, self.github)),
            JobType.SETTLE: partial(settle, to=worker_putter(self)),
            JobType.COMMIT: partial(run_commit, to=self._committer()),
            JobType.INVOKE: partial(
                invoke_later, to=LaterInvoker(self.records, self.functions, self.vault, utc_now)
            ),
            JobType.SYNC: partial(run_sync, to=self._syncer()),
            JobType.RECONCILE: in_background()(partial(reconcile, to=reconciler(self, self.github))),
            JobType.REDELIVER: in_background()(partial(redeliver, to=redeliverer(self, self.github))),
        }

    def sweep(self) -> int:
        forget_sessions(self.records, utc_now())
        return sweep(self.records, utc_now()) + sweep_workers(self.records, utc_now())

    def archive_events(self) -> int:
        return archive(self.records, self.bundles, self.settings.event_days, utc_now())

    def discard_deliveries(self) -> int:
        return discard_deliveries(self.records, utc_now() - timedelta(days=self.settings.delivery_days))

    def sweep_deliveries(self) -> None:
        outcome = sweep_deliveries(redeliverer(self, self.github))
        for message in outcome.refused if outcome else ():
            log.warning("redelivery: %s", message)

    def advance_totals(self) -> None:
        """Count what nobody looked at the metrics for, and all there is when they are new."""
        for _ in range(_ROUND):
            if self.metrics.advance(limit=_COUNTED_AT_ONCE) < _COUNTED_AT_ONCE:
                break

    def schedule_pass(self) -> object:
        minutes = self.settings.reconcile.minutes
        return schedule(self.records, utc_now(), timedelta(minutes=minutes) if minutes else None)

    def _provisioner(self) -> Provisioner:
        github = self.settings.github
        return Provisioner(
            records=self.records,
            repositories=GitHubRepositories(self.github),
            contents=GitHubContents(self.github),
            settings=GitHubRepositorySettings(self.github),
            runs=GitHubRuns(self.github),
            memberships=GitHubMemberships(self.github),
            scripts=self.scripts,
            platform=self.platform,
            clock=utc_now,
            secret_key=self.settings.secret_key.reveal(),
            # A GitHub App has one webhook of its own for all repositories.
            webhook_secret=None if github.app_id else github.webhook_secret.reveal(),
            templates={name: (_TEMPLATES / name).read_bytes() for name in PLACES},
            generated=self._generated,
            importer=self._importer(),
        )

    def _importer(self) -> Importer:
        return Importer(
            histories=self.histories,
            new_repositories=GitHubNewRepositories(self.github),
            repositories=GitHubRepositories(self.github),
            trees=GitHubTrees(self.github),
            trusted_origins=self.settings.import_origins,
        )

    def _syncer(self) -> Syncer:
        return Syncer(
            records=self.records,
            repositories=GitHubRepositories(self.github),
            upstreams=GitHubUpstreams(self.github),
            histories=self.histories,
            proposals=GitHubProposals(self.github),
            clock=utc_now,
            template=self.platform.template,
            trusted_origins=self.settings.import_origins,
        )

    def _committer(self) -> Committer:
        return Committer(self.records, code_host_over(self.github), utc_now)

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
