"""What a jobs process needs to show pull requests of forks."""

from app.bootstrap.shared import Shared, utc_now
from app.cloudflare.recordings import CloudflareRecordings
from app.github.artifacts import GitHubArtifacts
from app.github.client import GitHub
from app.github.members import GitHubMembers, GitHubPullHeads
from app.github.runs import GitHubRuns
from app.pipeline.approve import Approver
from app.pipeline.fork_preview import ForkPreviewer


def approver(shared: Shared, github: GitHub) -> Approver:
    """Return what decides about a comment."""
    return Approver(shared.records, GitHubMembers(github), GitHubPullHeads(github), utc_now)


def fork_previewer(shared: Shared, github: GitHub) -> ForkPreviewer:
    """Return what puts up what a fork's run left."""
    return ForkPreviewer(
        runs=GitHubRuns(github),
        artifacts=GitHubArtifacts(github),
        recordings=CloudflareRecordings(shared.bundles),
        putter=shared.putter,
    )
