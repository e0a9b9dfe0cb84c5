"""Where forks come from, on GitHub, which merges by itself."""

from app.domain.apps import Repository
from app.errors import Broken, RemoteConflict, RemoteMissing
from app.github.client import GitHub, path
from app.github.contents import GitHubContents
from app.ports import Merged, MergeOutcome

_CONFLICT = 409


class GitHubUpstreams:
    """Port `Upstreams`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._contents = GitHubContents(github)

    def merge_parent(self, repository: Repository, branch: str, *, aside: str) -> Merged:
        """Merge what is new in a fork's parent into a branch."""
        # https://docs.github.com/en/rest/branches/branches#sync-a-fork-branch-with-the-upstream-repository
        name = repository.full_name
        try:
            with self._github.doing(f"merging {repository.parent_full_name} into {branch} of {name}"):
                merge = path("repos", name, "merge-upstream")
                answer = self._github.request("POST", merge, {"branch": branch})
        except RemoteConflict as error:
            if error.details.get("status") != _CONFLICT:
                raise
            return self._put_aside(repository, branch, aside)
        kind = MergeOutcome.UP_TO_DATE if answer["merge_type"] == "none" else MergeOutcome.MERGED
        return Merged(kind, self._head(name, branch), self._parents_commit(repository, branch))

    def _put_aside(self, repository: Repository, branch: str, aside: str) -> Merged:
        """Create a branch at the parent's commit, which a fork shares with its parent."""
        name, theirs = repository.full_name, self._parents_commit(repository, branch)
        made = f"{aside}-{theirs[:7]}"
        self._contents.ensure_branch(name, made, theirs)
        return Merged(MergeOutcome.CONFLICT, self._head(name, branch), theirs, made)

    def _parents_commit(self, repository: Repository, branch: str) -> str:
        """Return where the parent's branch of that name is, else its default branch."""
        parent = repository.parent_full_name
        if parent is None:
            raise Broken(f"looking at the parent of {repository.full_name}: it is no fork")
        found = self._contents.head(parent, branch)
        if found is not None:
            return found
        with self._github.doing(f"finding {parent}"):
            default = str(self._github.request("GET", path("repos", parent))["default_branch"])
        return self._head(parent, default)

    def _head(self, full_name: str, branch: str) -> str:
        found = self._contents.head(full_name, branch)
        if found is None:
            raise RemoteMissing(f"looking at {branch} of {full_name}: there is no such branch")
        return found
