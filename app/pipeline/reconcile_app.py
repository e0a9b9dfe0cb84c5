"""Reconcile one app: look at everything of it, write down what differs, and heal what its policy allows."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from app.domain.apps import App, Heal
from app.domain.drift import SCRIPT_KINDS, Drift, Kind
from app.domain.jobs import Job
from app.errors import Conflict, RemoteRefused
from app.pipeline.compare import is_looked_at
from app.pipeline.drift_notes import Reach, note, note_failed, note_given_up, note_healed
from app.pipeline.known import known_app
from app.pipeline.reconcile_heal import Healed, heal, heal_script
from app.pipeline.reconcile_look import (
    Reconciler,
    look_at_repositories,
    look_at_scripts_of,
    look_at_settings,
)
from app.ports import Steps, Transaction

# Heals of one kind may be what the next needs: a repository is found before its pull requests are looked at.
_ORDER: Final = list(Kind)


def reconcile_app(job: Job, steps: Steps, to: Reconciler) -> dict[str, Any]:
    """Look at one app, and heal what its policy, or whoever asked, allows."""
    began = datetime.fromisoformat(steps.run("begin", lambda: to.clock().isoformat()))
    found = steps.run("look", lambda: _look(job, began, to))
    healed = 0
    for kind, subject in found["toHeal"]:
        healed += steps.run(f"heal {kind} {subject}", partial(_heal, job, kind, subject, to))
    return {"found": found["found"], "healed": healed}


def policy_of(app: App, job: Job, to: Reconciler) -> Heal:
    """Return what may be healed: as whoever asked for the job said, else as the app or the platform says."""
    asked = job.arguments.get("heal")
    return Heal(asked) if asked else app.heal or to.platform.heal


def _look(job: Job, began: datetime, to: Reconciler) -> dict[str, Any]:
    with to.records.read() as tx:
        app = known_app(tx, job.app_id)
    if app is None:
        return {"found": 0, "toHeal": []}
    found, kinds = look_at_app(app, began, to)
    at, policy = to.clock(), policy_of(app, job, to)
    with to.records.begin() as tx:
        drifts = note(tx, found, Reach([app.id], kinds), at, job.id)
    due = sorted(drifts, key=lambda it: _ORDER.index(it.kind))
    to_heal = [[it.kind.value, it.subject] for it in due if it.may_be_healed(policy)]
    return {"found": len(drifts), "toHeal": to_heal}


def look_at_app(app: App, began: datetime, to: Reconciler) -> tuple[Sequence[Drift], frozenset[Kind]]:
    """Look at all of an app; return its drift, and of which kinds that is all there is."""
    looked = look_at_repositories([app], began, to)
    found, kinds = [*looked.found], frozenset(Kind)
    is_gone = any(it.kind is Kind.REPOSITORY_GONE for it in found)
    if (looked.app_ids and not is_gone) or not is_looked_at(app):
        found += look_at_settings(app, to)
    scripts = look_at_scripts_of(app, began, to)
    if scripts is None:
        kinds -= SCRIPT_KINDS
    else:
        found += scripts
    return found, kinds if looked.app_ids or not is_looked_at(app) else kinds & SCRIPT_KINDS


def _heal(job: Job, kind: str, subject: str, to: Reconciler) -> int:
    """Heal one drift, if it is open still; a refusal is written down and ends nothing else."""
    with to.records.read() as tx:
        app, drift = known_app(tx, job.app_id), _open(tx, job.app_id, kind, subject)
    if app is None or drift is None:
        return 0
    try:
        healed = _healed(drift, app, policy_of(app, job, to), to)
    except (RemoteRefused, Conflict) as refused:
        with to.records.begin() as tx:
            note_failed(tx, drift, refused.message, to.clock())
        return 0
    return write_down(drift, healed, job, to)


def write_down(drift: Drift, healed: Healed, job: Job, to: Reconciler) -> int:
    """Write down what came of healing; return 1 when something was done, else 0."""
    with to.records.begin() as tx:
        if healed.did is not None:
            note_healed(tx, drift, healed.did, to.clock(), job.id)
        elif healed.outcome is not None:
            note_given_up(tx, drift, healed.outcome, to.clock())
    return int(healed.did is not None)


def _healed(drift: Drift, app: App, policy: Heal, to: Reconciler) -> Healed:
    if drift.kind in SCRIPT_KINDS:
        return Healed(did=heal_script(drift, to))
    return heal(drift, app, policy, to)


def _open(tx: Transaction, app_id: str, kind: str, subject: str) -> Drift | None:
    known = {it.key: it for it in tx.drifts.of([app_id])}
    return known.get((app_id, Kind(kind), subject))
