"""Made: which repository is an app's own from the moment its name was seen free, kept in our own memory.

A provisioning that is begun again finds the repository that an earlier try made. What proves that it is ours
is its id, as the host answered when it was asked to make it. Where that answer was lost, the job that saw the
name free takes what was made there since; another job does not: nobody knows who made it. The fact that an
app has a repository is not told here.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.domain.apps import Repository
from app.errors import RemoteConflict
from app.ports import Clock, Records, Repositories, Transaction

# Our clock against GitHub's; one that is off by more than five minutes believes no run's signature either.
_CLOCK_SKEW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is kept: the job that saw the name free, when, and what the host made since.

    `branch` is the default one of a history that has arrived there whole.
    """

    job_id: str
    checked_at: datetime
    repository: Repository | None = None
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Making:
    """One job's way to the repository of one app; `since` is None until the name was looked at."""

    app_id: str
    job_id: str
    full_name: str
    records: Records
    repositories: Repositories
    clock: Clock
    since: datetime | None = None

    def check_name(self) -> str:
        """Return when the name was seen free: now, or before an earlier try made what is there.

        Raises:
            RemoteConflict: there is a repository of which nothing proves that it is the app's own.
        """
        found = self.repositories.find(self.full_name)
        with self.records.begin() as tx:
            claim = _claim(tx, self.app_id, lock=True)
            if found is None:
                claim = _Claim(self.job_id, self.clock())
            elif self._is_ours(tx, found, _since(claim, self.job_id)):
                claim = _with(claim or _Claim(self.job_id, found.created_at), found)
            else:
                raise _taken(self.full_name)
            _keep(tx, self.app_id, claim)
        return claim.checked_at.isoformat()

    def seen_free(self, checked_at: str) -> "Making":
        """Go on with what `check_name` answered."""
        return replace(self, since=datetime.fromisoformat(checked_at) - _CLOCK_SKEW)

    def find(self) -> Repository | None:
        """Return the app's repository; None when there is none, or one that is not known to be the app's."""
        found = self.repositories.find(self.full_name)
        return found if found is not None and self.keep(found) else None

    def keep(self, found: Repository) -> bool:
        """Remember that this is the app's repository; False, and nothing is kept, when it is not."""
        with self.records.begin() as tx:
            if not self._is_ours(tx, found, self.since):
                return False
            known = _claim(tx, self.app_id, lock=True) or _Claim(self.job_id, self.clock())
            claim = _with(known, found)
            if claim != known:
                _keep(tx, self.app_id, claim)
        return True

    def arrived(self, branch: str) -> None:
        """Remember that a history is there, all of it, with this default branch."""
        with self.records.begin() as tx:
            claim = _claim(tx, self.app_id, lock=True)
            if claim is not None:
                _keep(tx, self.app_id, replace(claim, branch=branch))

    def arrived_at(self) -> str | None:
        """Return the default branch of the history that is there; None when it has to be brought yet."""
        with self.records.read() as tx:
            claim, kept = _claim(tx, self.app_id), tx.apps.get(self.app_id).repository
        if claim is None or claim.repository is None:
            return None
        # An app is told its repository when the history is there.
        is_kept = kept is not None and kept.id == claim.repository.id
        return claim.branch or (kept.default_branch if kept and is_kept else None)

    def is_kept(self) -> bool:
        """Tell whether the app was told that this is its repository."""
        with self.records.read() as tx:
            claim, kept = _claim(tx, self.app_id), tx.apps.get(self.app_id).repository
        return kept is not None and claim is not None and _id(claim.repository) == kept.id

    def _is_ours(self, tx: Transaction, found: Repository, since: datetime | None) -> bool:
        if found.full_name.lower() != self.full_name.lower():
            return False
        claim = _claim(tx, self.app_id)
        made = claim.repository if claim else None
        if found.id in {_id(made), _id(tx.apps.get(self.app_id).repository)}:
            return True
        # Who was told what it is takes no other for it.
        return made is None and since is not None and found.was_made(self.full_name, since)


def made_for(tx: Transaction, app_id: str) -> Repository | None:
    """Return the repository that the host answered to have made for an app, whether or not it was kept."""
    claim = _claim(tx, app_id)
    return None if claim is None else claim.repository


def told_repository(repository: Repository) -> dict[str, Any]:
    """Return a repository as JSON holds it."""
    return asdict(repository) | {"created_at": repository.created_at.isoformat()}


def repository_from_told(told: Mapping[str, Any]) -> Repository:
    """Return the repository that was told."""
    return Repository(**{**told, "created_at": datetime.fromisoformat(told["created_at"])})


def _since(claim: _Claim | None, job_id: str) -> datetime | None:
    """Return since when what appears at the name is this job's."""
    return claim.checked_at - _CLOCK_SKEW if claim is not None and claim.job_id == job_id else None


def _with(claim: _Claim, made: Repository) -> _Claim:
    return claim if _id(claim.repository) == made.id else replace(claim, repository=made, branch=None)


def _id(repository: Repository | None) -> int | None:
    return None if repository is None else repository.id


def _claim(tx: Transaction, app_id: str, *, lock: bool = False) -> _Claim | None:
    kept = tx.marks.get(_mark(app_id), lock=lock)
    if kept is None:
        return None
    told = json.loads(kept)
    return _Claim(
        job_id=told["job"],
        checked_at=datetime.fromisoformat(told["checked_at"]),
        repository=repository_from_told(told["repository"]) if told["repository"] else None,
        branch=told["branch"],
    )


def _keep(tx: Transaction, app_id: str, claim: _Claim) -> None:
    told = {
        "job": claim.job_id,
        "checked_at": claim.checked_at.isoformat(),
        "repository": told_repository(claim.repository) if claim.repository else None,
        "branch": claim.branch,
    }
    tx.marks.set(_mark(app_id), json.dumps(told))


def _mark(app_id: str) -> str:
    return f"provision:{app_id}"


def _taken(full_name: str) -> RemoteConflict:
    return RemoteConflict(
        f"provisioning {full_name}: a repository of that name exists already",
        code="repository:name-taken",
        repository=full_name,
    )
