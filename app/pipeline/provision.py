"""Provision: an app is asked for and gets its repository, which starts as the template or is imported.

Eleven writes to GitHub: they are what limits how many apps an organisation can get in an hour. It may be
begun again, by the same job or by another, and goes on with what is there already. Nothing is ever written
into a repository that we did not create for this app.
"""

import base64
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from app.domain.apps import App, AppStatus, Repository
from app.domain.callers import Person
from app.domain.environments import DEFAULT_BRANCHES, Environment
from app.domain.events import Event, Tag
from app.domain.git_addresses import GitAddress
from app.domain.jobs import Job, JobType
from app.domain.names import check_app_name, new_id, new_slug
from app.domain.platform import Platform
from app.domain.rights import Level, Right
from app.errors import Broken, InvalidInput, RemoteConflict, RemoteRefused, RemoteUnavailable
from app.pipeline.generate import GivenFile, check_files, merge
from app.pipeline.import_repository import Importer, fitting, import_history, source_of
from app.pipeline.install import deploy_secret, install, secrets_for, workflow_files
from app.pipeline.made import Making
from app.ports import (
    Clock,
    Contents,
    File,
    Records,
    Repositories,
    RepositorySettings,
    Runs,
    Scripts,
    Steps,
    Transaction,
)
from app.ports.people import Memberships

# A fork is filled in the background: "up to five minutes".
# https://docs.github.com/en/rest/repos/forks#create-a-fork
_PATIENCE_SECONDS: Final = 300
_RUN_PATIENCE_SECONDS: Final = 60
_BRANCH_LIMIT: Final = 10


@dataclass(frozen=True, slots=True)
class Order:
    """An app as it is asked for."""

    name: str
    files: Sequence[GivenFile] = ()
    is_private: bool = False
    branches: Mapping[str, Environment] | None = None
    import_from: GitAddress | None = None


@dataclass(frozen=True, slots=True)
class Provisioner:
    """The ports and values that provisioning needs; `generated` makes the files an app gets from us."""

    records: Records
    repositories: Repositories
    contents: Contents
    settings: RepositorySettings
    runs: Runs
    memberships: Memberships
    scripts: Scripts
    platform: Platform
    clock: Clock
    secret_key: str = field(repr=False)
    webhook_secret: str | None = field(repr=False)
    templates: Mapping[str, bytes]
    generated: Callable[[App], Sequence[File]]
    importer: Importer


def request_app(
    tx: Transaction,
    order: Order,
    *,
    at: datetime,
    entropy: random.Random,
    actor: str,
    creator: Person | None = None,
) -> tuple[App, Job]:
    """Keep a new app, its first fact and its job, all in this transaction.

    A person who creates it sees it from now on, and administers its repository once there is one.

    Raises:
        InvalidInput: name, files or branches are not acceptable.
        Conflict: an app of that name exists.
    """
    files = check_files(order.files)
    app = App(
        id=new_id("app", at),
        slug=new_slug(entropy),
        name=check_app_name(order.name),
        status=AppStatus.PROVISIONING,
        created_at=at,
        updated_at=at,
        is_private=order.is_private,
        branches=_check_branches(order.branches),
    )
    tx.apps.add(app)
    tx.events.append(Event(Tag.APP_REQUESTED, app.id, actor, at, {"name": app.name, "slug": app.slug}))
    stored = [{"path": f.path, "content": base64.b64encode(f.content).decode()} for f in files]
    source = {"import_from": order.import_from.url} if order.import_from else {}
    if creator is not None:
        tx.rights.save(Right(creator.id, app.id, Level.ADMIN, at))
    invited = {"creator": creator.login} if creator is not None else {}
    arguments = {"files": stored, **source, **invited}
    return app, tx.jobs.enqueue(JobType.PROVISION, app.id, arguments, actor=actor)


def provision(job: Job, steps: Steps, to: Provisioner) -> dict[str, Any]:
    """Make the app that the job is about; returns its repository's name and first commit."""
    with to.records.read() as tx:
        app = tx.apps.get(job.app_id)
    source = source_of(job, to.importer)
    making = _create_repository(app, job, source, steps, to)
    _invite(app, job, steps, to)
    steps.run("keep repository", lambda: _keep_repository(source, making))
    repository = _repository(app, to)
    full_name = repository.full_name
    if repository.is_fork or source:
        steps.run("switch Actions on", lambda: to.repositories.enable_actions(full_name))
    untrusted = ("untrusted", to.platform.untrusted_namespace)
    for kind, namespace in (*to.platform.namespaces.items(), untrusted):
        steps.run(f"ensure namespace {kind}", partial(to.scripts.ensure_namespace, namespace))
    install(
        full_name,
        steps,
        to.settings,
        control_plane_url=to.platform.url,
        secrets=_secrets(app, to),
        webhook_secret=to.webhook_secret,
        branches=app.branches,
    )
    commit = steps.run("commit files", lambda: _commit(app, repository, job, to))
    for branch in _branches_to_create(app, repository):
        steps.run(f"create branch {branch}", partial(to.contents.ensure_branch, full_name, branch, commit))
    _see_run(full_name, repository.default_branch, commit, steps, to)
    steps.run("finish", lambda: _finish(app, to))
    return {"repository": full_name, "commit": commit}


def _invite(app: App, job: Job, steps: Steps, to: Provisioner) -> None:
    """Let whoever asked for the app administer its repository, before that says who may see the app."""
    login, full_name = job.arguments.get("creator"), _full_name(app, to)
    if login is not None:
        steps.run(f"invite {login}", lambda: to.memberships.invite(full_name, login, Level.ADMIN))


def _secrets(app: App, to: Provisioner) -> Mapping[str, str]:
    return secrets_for(to.platform.deploy_auth, deploy_secret(to.secret_key, app.id), to.scripts.access())


def _check_branches(branches: Mapping[str, Environment] | None) -> Mapping[str, Environment]:
    if branches is None:
        return dict(DEFAULT_BRANCHES)
    if len(branches) > _BRANCH_LIMIT:
        raise InvalidInput(f"mapping branches: {len(branches)} are more than {_BRANCH_LIMIT}")
    for name in branches:
        if not _is_branch_name(name):
            raise InvalidInput(f"mapping branches: {name[:80]!r} is no branch name", branch=name[:80])
    return dict(branches)


def _is_branch_name(name: str) -> bool:
    # The part of git-check-ref-format that a branch can violate; stricter where shells and URLs differ.
    plain = name.isascii() and all(c.isalnum() or c in "._-/" for c in name)
    parts = name.split("/")
    return (
        plain
        and 0 < len(name) <= 100  # noqa: PLR2004 - a bound, not a rule of git
        and ".." not in name
        and not name.startswith("-")
        and all(p and not p.startswith(".") and not p.endswith((".", ".lock")) for p in parts)
    )


def _create_repository(
    app: App, job: Job, source: GitAddress | None, steps: Steps, to: Provisioner
) -> Making:
    """Create the repository and return how it is known: another one there is not ours."""
    full_name = _full_name(app, to)
    making = Making(app.id, job.id, full_name, to.records, to.repositories, to.clock)
    making = making.seen_free(steps.run("check name", making.check_name))
    if source is not None:
        import_history(app, source, making, steps=steps, to=to.importer)
        return making
    # A fork of a public repository is public for ever, so a private app is made from the template instead.
    is_forked = not app.is_private and steps.run("fork template", lambda: _fork(making, to))
    if not is_forked:
        steps.run("create from template", lambda: _generate(app, making, to))
    if not _wait(steps, "wait for repository", _PATIENCE_SECONDS, lambda: _is_filled(full_name, to)):
        # Not RemoteUnavailable: outside of a step that means "run this job again", and would for a day.
        raise RemoteRefused(
            f"waiting for {full_name}: still empty after {_PATIENCE_SECONDS} seconds",
            code="repository:empty",
            repository=full_name,
        )
    return making


def _full_name(app: App, to: Provisioner) -> str:
    return f"{to.platform.owner}/{app.name}"


def _fork(making: Making, to: Provisioner) -> bool:
    """Fork the template; False when what came back is not new and not ours to write to."""
    if making.find() is not None:
        return True
    owner, name = making.full_name.split("/")
    try:
        made = to.repositories.fork(to.platform.template, owner, name)
    except RemoteConflict:
        return False
    return making.keep(made)


def _generate(app: App, making: Making, to: Provisioner) -> None:
    if making.find() is not None:
        return
    owner, name = making.full_name.split("/")
    template = to.platform.template
    making.keep(to.repositories.generate(template, owner, name, is_private=app.is_private))


def _is_filled(full_name: str, to: Provisioner) -> bool:
    repository = to.repositories.find(full_name)
    return repository is not None and to.contents.head(full_name, repository.default_branch) is not None


def _wait(steps: Steps, name: str, patience_seconds: float, is_done: Callable[[], bool]) -> bool:
    """Ask `is_done` with growing pauses, durably; False when patience ends first."""
    waited, pause = 0.0, 0.25
    while not steps.run(name, is_done):
        if waited >= patience_seconds:
            return False
        steps.sleep(pause)
        waited, pause = waited + pause, min(pause * 1.5, 10.0)
    return True


def _keep_repository(source: GitAddress | None, making: Making) -> None:
    repository = making.find()
    if repository is None:
        raise RemoteRefused(
            f"provisioning {making.full_name}: the repository disappeared, or another one has its name now",
            code="repository:lost",
            repository=making.full_name,
        )
    at = making.clock()
    tag, facts = _made_how(repository, source)
    kept = replace(repository, imported_from=source.url if source else None)
    with making.records.begin() as tx:
        current = tx.apps.get(making.app_id, lock=True)
        if current.repository is None or current.repository.id != kept.id:
            tx.apps.save(replace(current, repository=kept, updated_at=at))
            tx.events.append(Event(tag, making.app_id, "job", at, facts))


def _made_how(repository: Repository, source: GitAddress | None) -> tuple[Tag, dict[str, str]]:
    facts = {"repository": repository.full_name}
    if source is not None:
        return Tag.APP_REPOSITORY_IMPORTED, {**facts, "from": source.url}
    return (Tag.APP_REPOSITORY_FORKED if repository.is_fork else Tag.APP_REPOSITORY_GENERATED), facts


def _repository(app: App, to: Provisioner) -> Repository:
    with to.records.read() as tx:
        repository = tx.apps.get(app.id).repository
    if repository is None:
        raise Broken(f"provisioning {app.name}: its repository was not kept")
    return repository


def _commit(app: App, repository: Repository, job: Job, to: Provisioner) -> str:
    """Commit everything at once; a commit made by an earlier try is found by its trailer."""
    full_name, branch = repository.full_name, repository.default_branch
    trailer = f"Branchline-App: {app.id}"
    known = to.contents.find_commit(full_name, branch, trailer)
    if known is not None:
        return known
    parent = to.contents.head(full_name, branch)
    if parent is None:
        raise RemoteUnavailable(f"committing to {full_name}: branch {branch} is not there yet")
    given = [File(f["path"], base64.b64decode(f["content"])) for f in job.arguments["files"]]
    generated = to.generated(app)
    if repository.imported_from:
        generated = fitting(generated, full_name, parent, to.importer)
    files = merge([*generated, *workflow_files(to.templates)], given)
    message = f"Set up {app.name}\n\nWorker files and the deploy workflow.\n\n{trailer}"
    return to.contents.commit(full_name, branch, files, message, parent=parent)


def _branches_to_create(app: App, repository: Repository) -> list[str]:
    return [name for name in app.branches if name != repository.default_branch]


def _see_run(full_name: str, branch: str, commit: str, steps: Steps, to: Provisioner) -> None:
    """Prove that workflows run here: forks are known to stay silent although Actions are on."""

    def is_running() -> bool:
        return bool(to.runs.of_commit(full_name, commit))

    if _wait(steps, "see the first run", _RUN_PATIENCE_SECONDS, is_running):
        return

    def is_started() -> bool:
        # Somebody may have pushed since: what is started by hand is the branch as it is now.
        head = to.contents.head(full_name, branch)
        return is_running() or (head is not None and bool(to.runs.of_commit(full_name, head)))

    why = "it was started and did not begin"
    try:
        steps.run("enable workflow", lambda: to.runs.enable_workflow(full_name))
        steps.run("start workflow", lambda: to.runs.dispatch(full_name, branch))
        if _wait(steps, "see a run", _RUN_PATIENCE_SECONDS, is_started):
            return
    except RemoteRefused as refused:
        why = refused.message
    raise RemoteRefused(
        f"provisioning {full_name}: GitHub runs no workflow there ({why}); open the repository's Actions "
        "page, enable workflows and push a commit",
        code="repository:actions-silent",
        repository=full_name,
    )


def _finish(app: App, to: Provisioner) -> None:
    at = to.clock()
    with to.records.begin() as tx:
        current = tx.apps.get(app.id, lock=True)
        if current.status is AppStatus.PROVISIONING:
            tx.apps.save(replace(current, status=AppStatus.READY, error=None, updated_at=at))
            tx.events.append(Event(Tag.APP_READY, app.id, "job", at, {}))
