"""Approved previews of forks as JSON."""

from datetime import datetime

from app.domain.approvals import Approval
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.web.views.base import View


class ApprovalView(View):
    """An approved commit of a fork's pull request; the job ends when it is shown, or cannot be yet."""

    app_id: str
    pull_request: int
    commit: str
    approved_by: str
    approved_at: datetime
    url: str
    alternate_url: str
    job_id: str
    poll_url: str

    @classmethod
    def of(cls, approval: Approval, script: str, job: Job, platform: Platform) -> "ApprovalView":
        """Return the view of an approval that is shown at a script's address."""
        address = platform.addresses.of(script)
        return cls(
            app_id=approval.app_id,
            pull_request=approval.pull_request,
            commit=approval.commit,
            approved_by=approval.actor,
            approved_at=approval.approved_at,
            url=address.url,
            alternate_url=address.alternate_url,
            job_id=job.id,
            poll_url=f"{platform.url}/api/jobs/{job.id}",
        )
