"""The code host's ports that requests wait for, over one client.

Imported by web processes when the first request asks: PyGithub holds 20 MB.
"""

from app.bootstrap.shared import utc_now
from app.github.builds import GitHubBuildLogs
from app.github.client import GitHub
from app.github.comparisons import GitHubComparisons
from app.github.contents import GitHubContents
from app.github.downloads import GitHubDownloads
from app.github.files import GitHubFiles
from app.github.memberships import GitHubMemberships
from app.github.proposals import GitHubProposals
from app.github.trees import GitHubTrees
from app.ports import CodeHost, Pace
from app.settings import GitHubSettings


def code_host(settings: GitHubSettings, pace: Pace) -> CodeHost:
    """Return the ports over a client of their own."""
    return code_host_over(GitHub(settings, utc_now, pace=pace))


def code_host_over(github: GitHub) -> CodeHost:
    """Return the ports over a client."""
    return CodeHost(
        contents=GitHubContents(github),
        trees=GitHubTrees(github),
        files=GitHubFiles(github),
        proposals=GitHubProposals(github),
        downloads=GitHubDownloads(github),
        memberships=GitHubMemberships(github),
        build_logs=GitHubBuildLogs(github),
        comparisons=GitHubComparisons(github),
    )
