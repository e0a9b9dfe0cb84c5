"""What was live at a moment, as JSON."""

from datetime import datetime

from app.domain.environments import Environment
from app.domain.platform import Platform
from app.pipeline.at import Moment, Shown
from app.web.views.base import View


class ShownView(View):
    """What one environment, or one preview, showed."""

    url: str
    pull_request: int | None
    deployment_id: str
    commit: str
    branch: str
    pinned: bool
    since: datetime | None
    by: str | None
    why: str | None

    @classmethod
    def of(cls, shown: Shown, platform: Platform) -> "ShownView":
        """Return the view of what was shown."""
        return cls(
            url=platform.addresses.of(shown.script).url,
            pull_request=shown.pull_request,
            deployment_id=shown.deployment.id,
            commit=shown.deployment.commit,
            branch=shown.deployment.branch,
            pinned=shown.is_pinned,
            since=shown.since,
            by=shown.by,
            why=shown.why,
        )


class MomentView(View):
    """What an app showed; environments that showed nothing are null. Before `knownSince` nobody can tell."""

    time: datetime
    known_since: datetime | None
    is_known: bool
    environments: dict[str, ShownView | None]
    previews: list[ShownView]

    @classmethod
    def of(cls, moment: Moment, platform: Platform) -> "MomentView":
        """Return the view of a moment."""
        lasting = {it.environment: it for it in moment.shown if it.environment is not Environment.PREVIEW}
        return cls(
            time=moment.at,
            known_since=moment.known_since,
            is_known=moment.is_known,
            environments={
                environment.value: ShownView.of(lasting[environment], platform)
                if environment in lasting
                else None
                for environment in (Environment.PRODUCTION, Environment.STAGING)
            },
            previews=[
                ShownView.of(it, platform) for it in moment.shown if it.environment is Environment.PREVIEW
            ],
        )
