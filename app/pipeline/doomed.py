"""Doomed: an app as it was when its deletion began.

Its row is gone before its job is over, and a job that is run again has to meet the same steps: so what they
need is kept in the first of them. An app whose provisioning failed before it was told its repository has the
one that was made for it.
"""

from typing import Any

from app.domain.apps import App, AppStatus
from app.domain.jobs import Job
from app.pipeline.known import known_app
from app.pipeline.made import made_for, repository_from_told, told_repository
from app.ports import Records, Steps


def doomed_app(job: Job, steps: Steps, records: Records) -> App | None:
    """Return the app that the job is to delete, the same in every run of it; None when it never was there."""
    kept = steps.run("look at the app", lambda: _look(job.app_id, records))
    return None if kept is None else _from_kept(kept, job)


def _look(app_id: str, records: Records) -> dict[str, Any] | None:
    with records.read() as tx:
        app, made = known_app(tx, app_id), made_for(tx, app_id)
    if app is None:
        return None
    repository = app.repository or made
    return {
        "slug": app.slug,
        "name": app.name,
        "repository": told_repository(repository) if repository else None,
    }


def _from_kept(kept: dict[str, Any], job: Job) -> App:
    told = kept["repository"]
    return App(
        id=job.app_id,
        slug=kept["slug"],
        name=kept["name"],
        status=AppStatus.DELETING,
        created_at=job.created_at,
        updated_at=job.created_at,
        repository=repository_from_told(told) if told else None,
    )
