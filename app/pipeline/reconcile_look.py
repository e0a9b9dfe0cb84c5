"""Look: what is there is asked for and compared with what is recorded. Nothing is healed here.

A look that fails is an error and says nothing: its step waits and looks again. What is recorded is read after
the remote was asked, so that word which came meanwhile counts.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.domain.apps import App, AppStatus
from app.domain.deployments import app_tag
from app.domain.drift import Drift, Kind
from app.domain.git import blob_name
from app.domain.platform import Platform
from app.domain.standing import Need, StandingScript
from app.errors import RemoteMissing
from app.pipeline.compare import (
    Installed,
    KnownScripts,
    Look,
    branches_of,
    commits_of,
    compare_absent,
    compare_repository,
    compare_scripts,
    compare_settings,
    compare_webhook,
    is_looked_at,
    slug_of,
)
from app.pipeline.install import PLACES, WEBHOOK_EVENTS
from app.pipeline.installed import INSTALLED
from app.pipeline.known import known_app
from app.ports import (
    Asked,
    Clock,
    Contents,
    Recorded,
    Records,
    Repositories,
    RepositorySettings,
    Runs,
    ScriptPage,
    Scripts,
    SeenScript,
    Sight,
    Sights,
    Transaction,
    Trees,
    Unseen,
)

log = logging.getLogger(__name__)

# When so many repositories of one call, and more than half of them, are not shown, it is us who see nothing.
FEW: Final = 5


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The ports and values that reconciling needs.

    `webhook_secret` is None where one webhook hears of every repository; `redeliver` asks the host to send
    again what one app's webhook did not bring.
    """

    records: Records
    sights: Sights
    scripts: Scripts
    repositories: Repositories
    contents: Contents
    trees: Trees
    settings: RepositorySettings
    runs: Runs
    platform: Platform
    clock: Clock
    templates: Mapping[str, bytes]
    webhook_secret: str | None = field(repr=False)
    redeliver: Callable[[App], object] = lambda _app: None

    @property
    def webhook_url(self) -> str:
        """Where webhooks send to."""
        return f"{self.platform.url}/webhooks/github"

    @property
    def installed(self) -> Installed:
        """What belongs into each repository."""
        newest = {place: blob_name(self.templates[name]) for name, place in PLACES.items()}
        return Installed(newest, {place: INSTALLED.get(name, ()) for name, place in PLACES.items()})


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at repositories found, of the apps that it was able to see."""

    app_ids: Sequence[str]
    found: Sequence[Drift]


def look_at_repositories(apps: Sequence[App], began: datetime, to: Reconciler) -> Looked:
    """Look at the repositories of up to a hundred apps in one call."""
    with to.records.read() as tx:
        before = tx.survey.recorded([app for app in apps if is_looked_at(app)])
    if not before:
        return Looked((), ())
    seen = _believable(to.sights.look([asked_of(it) for it in before.values()]))
    with to.records.read() as tx:
        recorded = _recorded_now(tx, before)
        made = _made_of(tx, list(seen.values()), list(recorded))
    looks = {
        app_id: Look(began, to.platform.owner, to.installed, made.get(app_id, ())) for app_id in recorded
    }
    shown = {app_id: it for app_id, it in recorded.items() if _repository_id(it.app) in seen}
    found = [
        drift
        for app_id, it in shown.items()
        for drift in compare_repository(it, seen[_repository_id(it.app)], looks[app_id])
    ]
    return Looked(list(shown), found)


def asked_of(recorded: Recorded) -> Asked:
    """Return what is asked about an app's repository."""
    app = recorded.app
    return Asked(_repository_id(app), app.repository_name, branches_of(recorded), list(PLACES.values()))


def look_at_settings(app: App, to: Reconciler) -> list[Drift]:
    """Ask what one call for many does not show: whether workflows may run, and where deliveries go."""
    if app.status is AppStatus.FAILED and app.repository is None:
        return list(_left_over(app, to))
    if not is_looked_at(app) or app.status is AppStatus.DETACHED:
        return []
    is_on = to.sights.actions_enabled(app.repository_name)
    found = compare_settings(app, is_on=is_on)
    if to.webhook_secret is None:
        return found
    webhook = to.sights.webhook(app.repository_name, to.webhook_url)
    return [*found, *compare_webhook(app, to.webhook_url, webhook, WEBHOOK_EVENTS)]


def _left_over(app: App, to: Reconciler) -> Iterator[Drift]:
    """Tell a repository that was made for an app whose provisioning failed before it could be kept."""
    full_name = f"{to.platform.owner}/{app.name}"
    found = to.repositories.find(full_name)
    if found is not None and found.created_at >= app.created_at:
        yield Drift(app.id, Kind.REPOSITORY_LEFT_OVER, full_name, {"id": found.id})


def look_at_scripts(page: ScriptPage, namespace: str, began: datetime, to: Reconciler) -> list[Drift]:
    """Compare a page of a namespace, and write down what was seen on it."""
    names = [script.name for script in page.scripts]
    slugs = {slug for script in page.scripts if (slug := slug_of(script)) is not None}
    with to.records.begin() as tx:
        known = KnownScripts(
            standing=tx.standing.see(namespace, names, began),
            needs=tx.survey.needs(names),
            owners=tx.survey.owners(slugs),
        )
        _adopt(tx, namespace, page.scripts, known, began)
    return compare_scripts(namespace, page.scripts, known, began)


def look_for_absent(absent: Sequence[StandingScript], namespace: str, to: Reconciler) -> list[Drift]:
    """Compare scripts that a look at all of a namespace did not find; what nothing needs is forgotten."""
    names = [it.script for it in absent]
    with to.records.begin() as tx:
        needs = tx.survey.needs(names)
        tx.standing.remove(namespace, [name for name in names if not _is_wanted(needs.get(name))])
    return compare_absent(absent, needs)


def look_at_scripts_of(app: App, began: datetime, to: Reconciler) -> list[Drift] | None:
    """Look at the scripts of one app in every namespace; None when one of these is not there."""
    found = list[Drift]()
    for namespace in to.platform.all_namespaces:
        page: ScriptPage | None = None
        while page is None or page.next_cursor is not None:
            try:
                page = to.scripts.listing(
                    namespace, page.next_cursor if page else None, tag=app_tag(app.slug)
                )
            except RemoteMissing:
                return None
            found += look_at_scripts(page, namespace, began, to)
        with to.records.read() as tx:
            absent = tx.standing.unseen(namespace, began, app_id=app.id)
        found += look_for_absent(absent, namespace, to)
    return found


def _believable(
    seen: Mapping[int, Sight | Unseen | None],
) -> Mapping[int, Sight | None]:
    """Return what may be concluded from: all that was shown, and what is gone unless most of it is."""
    told = {key: it for key, it in seen.items() if not isinstance(it, Unseen)}
    gone = [key for key, it in told.items() if it is None]
    for key in seen.keys() - told.keys():
        log.warning("repository %s was not shown: %s", key, seen[key])
    if len(gone) >= FEW and len(gone) * 2 > len(seen):
        log.warning(
            "%s of %s repositories are not there: nothing is concluded from that", len(gone), len(seen)
        )
        return {key: it for key, it in told.items() if it is not None}
    return told


def _recorded_now(tx: Transaction, before: Mapping[str, Recorded]) -> Mapping[str, Recorded]:
    apps = [app for app_id in before if (app := known_app(tx, app_id)) is not None]
    return tx.survey.recorded([app for app in apps if is_looked_at(app)])


def _made_of(
    tx: Transaction, sights: Sequence[Sight | None], app_ids: Sequence[str]
) -> Mapping[str, set[tuple[str, str]]]:
    """Return by app of which commits, and for which scripts, there are deployments."""
    commits = set[str]().union(*(commits_of(sight) for sight in sights if sight is not None))
    made = dict[str, set[tuple[str, str]]]()
    for app_id, script, commit in tx.survey.deployed(app_ids, commits):
        made.setdefault(app_id, set()).add((script, commit))
    return made


def _adopt(
    tx: Transaction, namespace: str, seen: Sequence[SeenScript], known: KnownScripts, began: datetime
) -> None:
    """Keep scripts that something needs and nobody wrote down: what their bytes are called is not known."""
    for script in seen:
        need = known.needs.get(script.name)
        if need is not None and need.subject is not None and script.name not in known.standing:
            tx.standing.put(
                StandingScript(
                    namespace,
                    script.name,
                    need.owner_id,
                    need.subject,
                    etag=None,
                    put_at=began,
                    seen_at=began,
                )
            )


def _is_wanted(need: Need | None) -> bool:
    return need is not None and (need.subject is not None or need.is_moving)


def _repository_id(app: App) -> int:
    if app.repository is None:
        raise LookupError(f"app {app.name} has no repository yet")
    return app.repository.id
