"""What the API answers: records as camelCase JSON, each with its schema."""

from app.web.views.apps import AcceptedView, AppSummaryView, AppsView, AppView
from app.web.views.base import View
from app.web.views.deliveries import DeliveriesView, DeliveryDetailView, DeliveryView, ReceivedView
from app.web.views.deployments import DeploymentsView, DeploymentView, JobOfDeploymentView, ReleaseView
from app.web.views.health import HealthView
from app.web.views.jobs import JobBegunView, JobSummaryView, JobsView, JobView
from app.web.views.previews import ApprovalView

__all__ = [
    "AcceptedView",
    "AppSummaryView",
    "AppView",
    "ApprovalView",
    "AppsView",
    "DeliveriesView",
    "DeliveryDetailView",
    "DeliveryView",
    "DeploymentView",
    "DeploymentsView",
    "HealthView",
    "JobBegunView",
    "JobOfDeploymentView",
    "JobSummaryView",
    "JobView",
    "JobsView",
    "ReceivedView",
    "ReleaseView",
    "View",
]
