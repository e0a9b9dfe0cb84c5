"""What asks GitHub again for missed deliveries."""

from datetime import timedelta

from app.bootstrap.shared import Shared, utc_now
from app.github.client import GitHub
from app.github.hook_deliveries import GitHubHookDeliveries, redelivery_window
from app.github.sights import GitHubSights
from app.pipeline.redeliver import Redeliverer


def redeliverer(shared: Shared, github: GitHub) -> Redeliverer:
    """Return the ports and values that redelivery needs."""
    settings = shared.settings.github
    # What left the inbox by its age was not missed.
    kept = timedelta(days=shared.settings.delivery_days)
    return Redeliverer(
        records=shared.records,
        host=GitHubHookDeliveries(github),
        sights=GitHubSights(github),
        clock=utc_now,
        webhook_url=f"{shared.settings.url}/webhooks/github",
        has_own_hook=settings.app_id is not None,
        window=min(redelivery_window(settings.api_url), kept),
    )
