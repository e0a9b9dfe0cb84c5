"""Approvals: somebody with write access said that one commit of a fork may have a preview."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """One commit of one pull request, approved; a later push to it is another commit and is not."""

    app_id: str
    pull_request: int
    commit: str
    actor: str
    approved_at: datetime
