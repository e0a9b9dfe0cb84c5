"""What reconciles: looks at GitHub and Cloudflare, and what heals."""

from pathlib import Path
from typing import Final

from app.bootstrap.redelivery import redeliverer
from app.bootstrap.shared import Shared, utc_now
from app.domain.apps import App
from app.github.client import GitHub
from app.github.contents import GitHubContents
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.github.runs import GitHubRuns
from app.github.sights import GitHubSights
from app.github.trees import GitHubTrees
from app.pipeline.install import PLACES
from app.pipeline.reconcile_look import Reconciler
from app.pipeline.redeliver import redeliver_repository

_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "actions_templates"


def reconciler(shared: Shared, github: GitHub) -> Reconciler:
    """Return the ports and values that reconciling needs."""
    settings = shared.settings.github
    deliveries = redeliverer(shared, github)

    def redeliver(app: App) -> object:
        return redeliver_repository(app, deliveries)

    return Reconciler(
        records=shared.records,
        sights=GitHubSights(github),
        scripts=shared.scripts,
        repositories=GitHubRepositories(github),
        contents=GitHubContents(github),
        trees=GitHubTrees(github),
        settings=GitHubRepositorySettings(github),
        runs=GitHubRuns(github),
        platform=shared.platform,
        clock=utc_now,
        templates={name: (_TEMPLATES / name).read_bytes() for name in PLACES},
        # A GitHub App has one webhook of its own for all repositories.
        webhook_secret=None if settings.app_id else settings.webhook_secret.reveal(),
        redeliver=redeliver,
    )
