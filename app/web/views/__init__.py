"""What the API answers: records as camelCase JSON, each with its schema."""

from app.web.views.apps import AcceptedView, AppSummaryView, AppsView, AppView
from app.web.views.base import View
from app.web.views.deliveries import DeliveriesView, DeliveryDetailView, DeliveryView, ReceivedView
from app.web.views.deployments import DeploymentsView, DeploymentView, JobOfDeploymentView, ReleaseView
from app.web.views.health import HealthView
from app.web.views.jobs import JobView

__all__ = [
    "AcceptedView",
    "AppSummaryView",
    "AppView",
    "AppsView",
    "DeliveriesView",
    "DeliveryDetailView",
    "DeliveryView",
    "DeploymentView",
    "DeploymentsView",
    "HealthView",
    "JobOfDeploymentView",
    "JobView",
    "ReceivedView",
    "ReleaseView",
    "View",
]
