"""The port `Sights` over one `FakeCodeHost`, and pull requests that a test opens there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.git import blob_name
from app.errors import BranchlineError
from app.ports.sights import (
    MOST_AT_ONCE,
    Asked,
    Head,
    SeenPull,
    SeenRun,
    Sight,
    Unseen,
    Webhook,
)
from tests.fakes.code_host import FakeCodeHost, FakeProposed, FakeRepository

_OPENED_AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


@dataclass
class FakeSights:
    """`unseen` are repositories, by id, that the host does not show, each with why."""

    host: FakeCodeHost
    unseen: dict[int, BranchlineError] = field(default_factory=dict)

    def look(self, asked: Sequence[Asked]) -> Mapping[int, Sight | Unseen | None]:
        with self.host.faults.during("look"):
            assert len(asked) <= MOST_AT_ONCE
            return {it.repository_id: self._look(it) for it in asked}

    def actions_enabled(self, full_name: str) -> bool:
        with self.host.faults.during("actions_enabled"):
            return self.host.repository(full_name).are_actions_enabled

    def webhook(self, full_name: str, url: str) -> Webhook | None:
        with self.host.faults.during("webhook"):
            known = self.host.repository(full_name).webhooks.get(url)
            return Webhook(known.id, known.is_active, frozenset(known.events), "json") if known else None

    def _look(self, asked: Asked) -> Sight | Unseen | None:
        if asked.repository_id in self.unseen:
            return Unseen(self.unseen[asked.repository_id])
        repository = self.host.repositories.get(asked.full_name)
        if repository is None or repository.description.id != asked.repository_id:
            return None
        return _sight(repository, asked)


def propose(
    host: FakeCodeHost,
    full_name: str,
    what: str,
    *,
    number: int | None = None,
    title: str = "Change",
    author: str = "ada",
    fork_id: int | None = None,
    updated_at: datetime = _OPENED_AT,
) -> int:
    """Open a pull request from a branch, or for a commit of the fork `fork_id`; return its number."""
    repository, number = host.repository(full_name), number or host.number()
    is_own = what in repository.branches
    repository.proposed[number] = what
    repository.proposals[number] = FakeProposed(
        title=title,
        author=author,
        head_branch=what if is_own else "theirs",
        head_repository_id=repository.description.id if is_own else fork_id,
        is_from_fork=not is_own,
        updated_at=updated_at,
    )
    return number


def _sight(repository: FakeRepository, asked: Asked) -> Sight:
    branches = {} if repository.looks_until_filled else repository.branches
    default = repository.description.default_branch
    files = repository.files(default) if default in branches else {}
    return Sight(
        repository_id=repository.description.id,
        full_name=repository.full_name,
        default_branch=default if default in branches else None,
        is_archived=repository.is_archived,
        heads={it: _head(repository, branches[it]) for it in asked.branches if it in branches},
        pulls=[
            _pull(repository, it)
            for it in sorted(repository.proposed, reverse=True)
            if repository.proposed[it]
        ],
        files={path: blob_name(files[path]) if path in files else None for path in asked.files},
    )


def _head(repository: FakeRepository, commit: str) -> Head:
    runs = [it.run for it in repository.runs if it.commit == commit]
    newest = max(runs, key=lambda run: run.id, default=None)
    if newest is None:
        return Head(commit)
    return Head(commit, SeenRun(newest.id, newest.number, newest.url, newest.status, newest.conclusion))


def _pull(repository: FakeRepository, number: int) -> SeenPull:
    what = repository.proposed[number]
    own = FakeProposed(
        what, "ada", what, repository.description.id, is_from_fork=False, updated_at=_OPENED_AT
    )
    told = repository.proposals.get(number, own)
    return SeenPull(
        number=number,
        title=told.title,
        html_url=f"{repository.description.html_url}/pull/{number}",
        author=told.author,
        head_branch=told.head_branch,
        head=_head(repository, repository.branches.get(what, what)),
        head_repository_id=told.head_repository_id,
        is_from_fork=told.is_from_fork,
        updated_at=told.updated_at,
    )
