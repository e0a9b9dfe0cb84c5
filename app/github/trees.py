"""What commits hold on GitHub, through the Git data API: exact modes, and links that are not followed."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from app.domain.git import EntryKind, is_commit_name
from app.errors import RemoteConflict, RemoteMissing
from app.github.client import GitHub, path
from app.ports import Entry, Listing

# More requests than this, one for each folder, take longer than the whole tree in one.
_FOLDERS_ONE_BY_ONE: Final = 8
_UNSTORABLE: Final = str.maketrans({"\0": "\N{REPLACEMENT CHARACTER}"})


class GitHubTrees:
    """Port `Trees`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def commit_of(self, full_name: str, ref: str) -> str | None:
        """Return the commit that a branch, else a tag, else a commit of this name is; None without one."""
        if is_commit_name(ref):
            found = self._find(full_name, "git/commits", ref)
            return str(found["sha"]) if found else None
        for kind in ("heads", "tags"):
            found = self._find(full_name, f"git/ref/{kind}", ref)
            if found:
                return self._commit_behind(full_name, found["object"])
        with self._github.doing(f"finding {full_name}"):
            self._github.request("GET", path("repos", full_name))
        return None

    def listing(self, full_name: str, commit: str) -> Listing:
        """Return everything that a commit holds; GitHub leaves out what is beyond 100,000 entries or 7 MB."""
        tree = self._tree(full_name, commit, recursive=True)
        entries = (_entry(item, above="") for item in tree["tree"])
        below = sorted((it for it in entries if it.kind is not EntryKind.FOLDER), key=lambda it: it.path)
        return Listing(below, is_truncated=bool(tree["truncated"]))

    def entries(self, full_name: str, commit: str, paths: Collection[str]) -> Mapping[str, Entry]:
        """Return what stands at `paths` and above them, folders too; what is not there is left out."""
        wanted = {above for it in paths for above in _with_folders(it)}
        folders = {it.rpartition("/")[0] for it in wanted}
        if len(folders) > _FOLDERS_ONE_BY_ONE:
            tree = self._tree(full_name, commit, recursive=True)
            if not tree["truncated"]:
                return _chosen(tree, wanted, above="")
        return self._walk(full_name, commit, wanted, folders)

    def _walk(
        self, full_name: str, commit: str, wanted: Collection[str], folders: Collection[str]
    ) -> dict[str, Entry]:
        """Look into each folder that is there, from the top down."""
        found: dict[str, Entry] = {}
        for folder in sorted(folders):
            entry = found.get(folder)
            if not folder:
                found |= _chosen(self._tree(full_name, commit), wanted, above="")
            elif entry is not None and entry.kind is EntryKind.FOLDER:
                found |= _chosen(self._tree(full_name, entry.sha), wanted, above=f"{folder}/")
        return found

    def _tree(self, full_name: str, sha: str, *, recursive: bool = False) -> Any:
        # https://docs.github.com/en/rest/git/trees#get-a-tree
        with self._github.doing(f"listing the files of {sha[:7]} in {full_name}"):
            query = {"recursive": "1"} if recursive else None
            return self._github.request("GET", path("repos", full_name, "git/trees", sha), query=query)

    def _commit_behind(self, full_name: str, named: Mapping[str, str]) -> str | None:
        """Return the commit that a ref names, through one annotated tag."""
        if named["type"] != "tag":
            return named["sha"] if named["type"] == "commit" else None
        # https://docs.github.com/en/rest/git/tags#get-a-tag
        tag = self._find(full_name, "git/tags", named["sha"])
        is_of_commit = tag is not None and tag["object"]["type"] == "commit"
        return str(tag["object"]["sha"]) if is_of_commit else None

    def _find(self, full_name: str, kind: str, name: str) -> Any:
        try:
            with self._github.doing(f"finding {name[:80]} in {full_name}"):
                return self._github.request("GET", path("repos", full_name, kind, name))
        except (RemoteMissing, RemoteConflict):  # 409: the repository is empty
            return None


def _with_folders(at: str) -> list[str]:
    """Return a path and those of the folders above it."""
    parts = at.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _chosen(tree: Any, wanted: Collection[str], *, above: str) -> dict[str, Entry]:
    entries = (_entry(item, above=above) for item in tree["tree"] if above + item["path"] in wanted)
    return {entry.path: entry for entry in entries}


def _entry(item: Mapping[str, Any], *, above: str) -> Entry:
    return Entry(above + _text(item["path"]), item["sha"], item["mode"], item.get("size"))


def _text(name: str) -> str:
    """Return a name as text; git takes names of any bytes, of which JSON holds perhaps a half character."""
    return name.encode("utf-8", "replace").decode().translate(_UNSTORABLE)
