"""Branch preview: whose the one preview is that all branches share. A lookup, like those in `known`.

It is that of the last push, unless somebody decided otherwise: what it shows is what its alias says.
"""

from dataclasses import dataclass

from app.domain.deployments import Deployment, Status
from app.domain.releases import gives_way
from app.pipeline.record import LIVE_OR_COMING
from app.ports import Transaction


@dataclass(frozen=True, slots=True)
class BranchPreview:
    """What a preview shows, and the newest run to it that is live or on its way.

    `is_passing` says that what it shows gives way to that run, which is another branch's.
    """

    shown: Deployment | None
    newest: Deployment | None
    is_passing: bool

    @property
    def branch(self) -> str | None:
        """The branch that it shows, or is about to."""
        it = self.newest if self.is_passing or self.shown is None else self.shown
        return it.branch if it is not None else None

    def shows(self, branch: str | None) -> bool:
        """Tell whether a branch is what answers there, and is to stay."""
        return self.shown is not None and self.shown.branch == branch and not self.is_passing

    def is_newest(self, branch: str | None) -> bool:
        """Tell whether a branch had the last run."""
        return self.newest is not None and self.newest.branch == branch

    def concerns(self, branch: str | None) -> bool:
        """Tell whether the end of a branch changes anything about the preview."""
        return self.shows(branch) or self.is_newest(branch)


def branch_preview(tx: Transaction, app_id: str, script: str) -> BranchPreview:
    """Return what a preview shows and what is newest there; without an alias that is what was live last."""
    alias = tx.aliases.get(script)
    coming = tx.deployments.find(app_id, script=script, statuses=LIVE_OR_COMING, limit=1)
    newest = coming[0] if coming else None
    shown: Deployment | None
    if alias is not None and alias.deployment_id is not None:
        shown = tx.deployments.get(alias.deployment_id)
    else:
        ready = tx.deployments.find(app_id, script=script, statuses=frozenset({Status.READY}), limit=1)
        shown = ready[0] if ready else None
    is_passing = shown is not None and gives_way(alias, shown.branch, newest)
    return BranchPreview(shown, newest, is_passing=is_passing)
