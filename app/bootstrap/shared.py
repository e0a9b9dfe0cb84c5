"""What web and jobs have in common: the platform, the engine's client, our memory."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Final

from sqlalchemy import Engine

from app.bundles.places import bundles_in
from app.cloudflare import limits as cloudflare_limits
from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.database.intake import outage_of
from app.database.ledgers import SqlLedgers
from app.database.metrics import SqlMetrics
from app.database.outages import Outage
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.dispatch.functions import DispatchFunctions
from app.domain.addresses import Addresses
from app.domain.apps import Heal
from app.domain.environments import Environment
from app.domain.platform import DeployAuth, Platform
from app.github import limits as github_limits
from app.jobs.engine import DbosEngine
from app.jobs.liveness import count_living
from app.pacing.pacer import Pacer
from app.pipeline.putting import Putter
from app.ports import Bundles, Vault
from app.settings import Settings
from app.vault import FernetVault

# An upload is several calls within 50 ms: that others were told to be silent is looked for less often.
_FRESH_SECONDS: Final = 0.25


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


def platform_of(settings: Settings) -> Platform:
    """Return the platform that the settings describe."""
    cloudflare = settings.cloudflare
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
        deploy_auth=DeployAuth(settings.deploy_auth),
        untrusted_namespace=cloudflare.namespace_untrusted,
        preview_days=settings.preview_days,
        kept_deployments=settings.kept_deployments,
        cpu_ms=settings.cpu_ms,
        heal=Heal(settings.reconcile.heal),
    )


@dataclass
class Shared:
    """The parts that a process asks for, each made once and when it is first needed."""

    settings: Settings

    @cached_property
    def platform(self) -> Platform:
        """The platform."""
        return platform_of(self.settings)

    @cached_property
    def engine(self) -> DbosEngine:
        """The job engine's client; it connects on first use."""
        return DbosEngine(self.settings.database_url)

    @cached_property
    def database(self) -> Engine:
        """Our connections; they are opened on first use."""
        return create_engine(self.settings.database_url)

    @cached_property
    def outage(self) -> Outage:
        """What this process knows of the database being away."""
        return outage_of(self.settings.database_url)

    @cached_property
    def records(self) -> SqlRecords:
        """Our memory, with jobs enqueued in the same transaction."""
        return SqlRecords(self.database, self.engine.enqueue, utc_now)

    @cached_property
    def bundles(self) -> Bundles:
        """The bundle store; nothing is opened before it is used."""
        return bundles_in(self.settings.bundles)

    @cached_property
    def vault(self) -> Vault:
        """What encrypts the secrets of apps."""
        return FernetVault.from_settings(self.settings)

    @cached_property
    def cloudflare(self) -> Cloudflare:
        """Cloudflare's API; it connects on first use."""
        allowance = cloudflare_limits.allowance(self.settings.cloudflare)
        pace = Pacer(allowance, self.ledgers, utc_now, fresh_seconds=_FRESH_SECONDS)
        return Cloudflare(self.settings.cloudflare, utc_now, pace=pace)

    @cached_property
    def scripts(self) -> CloudflareScripts:
        """Cloudflare's dispatch namespaces."""
        return CloudflareScripts(self.cloudflare, self.settings.cloudflare, self.bundles)

    @cached_property
    def ledgers(self) -> SqlLedgers:
        """What all processes together asked of GitHub and Cloudflare."""
        return SqlLedgers(self.database, utc_now)

    @cached_property
    def metrics(self) -> SqlMetrics:
        """What an operator watches."""
        allowances = [
            github_limits.allowance(self.settings.github),
            cloudflare_limits.allowance(self.settings.cloudflare),
        ]
        workers = partial(count_living, self.database)
        return SqlMetrics(self.database, utc_now, self.ledgers, allowances, workers)

    @cached_property
    def github_pace(self) -> Pacer:
        """This process's pace towards GitHub."""
        return Pacer(github_limits.allowance(self.settings.github), self.ledgers, utc_now)

    @cached_property
    def functions(self) -> DispatchFunctions:
        """Functions at their addresses."""
        return DispatchFunctions(self.settings.dispatch_origin, self.settings.invocations.at_once)

    @cached_property
    def putter(self) -> Putter:
        """What puts bundles up, in either process."""
        return Putter(
            records=self.records,
            scripts=self.scripts,
            bundles=self.bundles,
            vault=self.vault,
            platform=self.platform,
            clock=utc_now,
        )
