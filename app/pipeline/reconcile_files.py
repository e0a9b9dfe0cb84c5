"""The workflow's files in an app's repository, brought to the newest version in one commit."""

from collections.abc import Mapping

from app.domain.apps import App, Heal
from app.pipeline.files import check_place
from app.pipeline.install import PLACES, workflow_files
from app.pipeline.reconcile_look import Reconciler
from app.ports import Entry, File

_MESSAGE = "Update the deploy workflow\n\nBranchline keeps these files the same in every app."


def renew_files(app: App, policy: Heal, to: Reconciler) -> str | None:
    """Commit those files that are not the newest, on top of what was looked at; tell what was done.

    With a policy that is safe a file that somebody edited, or deleted, stays as it is.

    Raises:
        Conflict: something else than a file, or a folder, stands in the way.
        RemoteConflict: somebody pushed meanwhile; nothing was changed.
    """
    if app.repository is None:
        return None
    full_name, branch = app.repository.full_name, app.repository.default_branch
    head = to.contents.head(full_name, branch)
    if head is None:
        return None
    entries = to.trees.entries(full_name, head, list(PLACES.values()))
    files = [file for file in workflow_files(to.templates) if _is_due(file, entries, policy, to)]
    if not files:
        return None
    commit = to.contents.commit(full_name, branch, files, _MESSAGE, parent=head)
    return f"committed {len(files)} files as {commit[:7]}"


def _is_due(file: File, entries: Mapping[str, Entry], policy: Heal, to: Reconciler) -> bool:
    check_place(file.path, entries)
    installed, known = to.installed, entries.get(file.path)
    if known is not None and known.sha == installed.newest[file.path]:
        return False
    is_older = known is not None and known.sha in installed.older[file.path]
    return is_older or policy is Heal.ALL
