"""Bringing two histories together in a bare repository that has both, and pushing what came of it."""

from dataclasses import dataclass
from typing import Final

from app.git.process import Git, GitFailed
from app.ports import Merged, MergeOutcome

# An address that is nobody's: a host shows commits beside whoever has their address.
_AUTHOR: Final = ("-c", "user.name=Branchline", "-c", "user.email=noreply@branchline.invalid")


@dataclass(frozen=True, slots=True)
class Merging:
    """`refs/ours` is where `branch` of the repository at `url` is, `refs/theirs` what is to come into it."""

    git: Git
    url: str
    branch: str
    aside: str
    upstream: str

    def bring(self) -> Merged:
        """Merge and push; on a conflict push what waits for a person. Raises GitFailed."""
        ours, theirs = self._commit("refs/ours"), self._commit("refs/theirs")
        if self._is_ancestor(theirs, ours):
            return Merged(MergeOutcome.UP_TO_DATE, ours, theirs)
        if self._is_ancestor(ours, theirs):
            self._push(theirs, self.branch)
            return Merged(MergeOutcome.MERGED, theirs, theirs)
        start = self._comparable(ours, theirs)
        tree = self._merged_tree(ours, start)
        if tree is None:
            return Merged(MergeOutcome.CONFLICT, ours, theirs, self._put_aside(start, theirs))
        made = self._write(tree, [ours, start], f"Merge {self.upstream} into {self.branch}")
        self._push(made, self.branch)
        return Merged(MergeOutcome.MERGED, made, theirs)

    def _comparable(self, ours: str, theirs: str) -> str:
        """Return their commit, or one that stands for it where the two have no commit in common.

        A repository made from a template begins with the template's files and without its history: its first
        commit is what the two have in common, and from this commit on they have one.
        """
        if self._succeeds("merge-base", ours, theirs):
            return theirs
        first = self.git.run("rev-list", "--max-parents=0", "--first-parent", ours).split()[-1]
        tree = self._commit(f"{theirs}^{{tree}}")
        return self._write(tree, [first, theirs], f"Take {theirs[:7]} of {self.upstream}")

    def _merged_tree(self, ours: str, theirs: str) -> str | None:
        try:
            # https://git-scm.com/docs/git-merge-tree
            return self.git.run("merge-tree", "--write-tree", "--no-messages", ours, theirs).splitlines()[0]
        except GitFailed as failed:
            if failed.output:
                raise
            return None  # a conflict ends with 1 and without a word

    def _write(self, tree: str, parents: list[str], message: str) -> str:
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self.git.run(*_AUTHOR, "commit-tree", tree, *flags, "-m", message).strip()

    def _put_aside(self, commit: str, theirs: str) -> str:
        """Create the branch for this commit of theirs; one that is there may hold somebody's work by now."""
        branch = f"{self.aside}-{theirs[:7]}"
        if not self.git.run("ls-remote", "--", self.url, f"refs/heads/{branch}"):
            self._push(commit, branch)
        return branch

    def _push(self, commit: str, branch: str) -> None:
        self.git.run("push", "--quiet", "--", self.url, f"{commit}:refs/heads/{branch}")

    def _commit(self, name: str) -> str:
        return self.git.run("rev-parse", "--verify", "--end-of-options", name).strip()

    def _is_ancestor(self, older: str, newer: str) -> bool:
        return self._succeeds("merge-base", "--is-ancestor", older, newer)

    def _succeeds(self, *arguments: str) -> bool:
        try:
            self.git.run(*arguments)
        except GitFailed as failed:
            if failed.output:
                raise
            return False
        return True
