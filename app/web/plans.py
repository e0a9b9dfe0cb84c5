"""What a workflow run is answered: where to deploy when it asks, and what was recorded when it ends."""

from datetime import datetime
from typing import Any

from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.platform import Platform
from app.pipeline.start import Plan
from app.ports import DeployAccess
from app.web.views import View


class _Told(View):
    """A view that leaves out what does not apply."""

    def body(self) -> dict[str, Any]:
        """Return what applies, as JSON values."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class AccessView(_Told):
    """What to call Cloudflare's API with; a run that has a token of its own is told none."""

    api_base_url: str
    account_id: str
    api_token: str | None = None


class PlanView(_Told):
    """Where a run deploys, or the `reason` why it does not.

    What it puts up answers at `immutableUrl` for good, and at `url` when it `goesLive`. A run that uploads by
    itself has no address of its own, and sets `tags` and `variables` itself.
    """

    deploy: bool
    deployment: str
    reason: str | None = None
    environment: Environment | None = None
    namespace: str | None = None
    script: str | None = None
    tags: list[str] | None = None
    url: str | None = None
    alternate_url: str | None = None
    immutable_url: str | None = None
    goes_live: bool | None = None
    variables: dict[str, str] | None = None
    cloudflare: AccessView | None = None
    expires_at: datetime | None = None

    @classmethod
    def of(cls, plan: Plan, access: DeployAccess, *, uploads_by_itself: bool) -> "PlanView":
        """Return the view of a plan that lets a run deploy with `access`."""
        deployment, own = plan.deployment, plan.own_address
        return cls(
            deploy=True,
            deployment=deployment.id,
            environment=deployment.environment,
            namespace=deployment.namespace,
            script=deployment.script,
            tags=plan.tags,
            url=plan.address.url,
            alternate_url=plan.address.alternate_url,
            immutable_url=own.url if own else None,
            goes_live=plan.goes_live,
            variables=_variables(deployment) if uploads_by_itself else None,
            cloudflare=AccessView(
                api_base_url=access.api_base_url,
                account_id=access.account_id,
                api_token=access.api_token or None,
            ),
            expires_at=access.expires_at,
        )

    @classmethod
    def refusing(cls, deployment: Deployment, reason: str) -> "PlanView":
        """Return the view of a plan that lets a run end without deploying."""
        return cls(deploy=False, deployment=deployment.id, reason=reason)


class FinishedView(_Told):
    """What was recorded of a run; it is `live` when it is what `url` shows now."""

    deployment: str
    status: Status
    url: str
    alternate_url: str
    live: bool
    immutable_url: str | None = None

    @classmethod
    def of(cls, deployment: Deployment, platform: Platform, *, is_live: bool) -> "FinishedView":
        """Return the view of a deployment whose run has ended."""
        address = platform.addresses.of(deployment.script)
        own = deployment.own_script if deployment.has_own_address else None
        return cls(
            deployment=deployment.id,
            status=deployment.status,
            url=address.url,
            alternate_url=address.alternate_url,
            immutable_url=platform.addresses.of(own).url if own else None,
            live=is_live,
        )


def _variables(deployment: Deployment) -> dict[str, str]:
    """Return what the gateway would bind, for a run that does without it."""
    return {
        "BRANCHLINE_COMMIT": deployment.commit,
        "BRANCHLINE_ENVIRONMENT": deployment.environment,
        "BRANCHLINE_DEPLOYMENT": deployment.id,
    }
