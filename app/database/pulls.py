"""Pull requests in the database."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app.database.models import PullRequestRow
from app.database.rows import insert_if_new, one, replace_known, several
from app.domain.pulls import PullRequest


class SqlPullRequests:
    """`ports.PullRequests` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, app_id: str, number: int) -> PullRequest | None:
        """Return it, or None when we never heard of it."""
        statement = select(PullRequestRow).where(
            PullRequestRow.app_id == app_id, PullRequestRow.number == number
        )
        row = one(self._session, statement)
        return None if row is None else pull_of(row)

    def save(self, pull: PullRequest) -> None:
        """Keep it, new or known."""
        values = asdict(pull)
        if not insert_if_new(self._session, PullRequestRow, values):
            key = and_(PullRequestRow.app_id == pull.app_id, PullRequestRow.number == pull.number)
            replace_known(self._session, PullRequestRow, key, values)

    def open(self, app_id: str) -> Sequence[PullRequest]:
        """Return those that are open, highest number first."""
        statement = select(PullRequestRow).where(
            PullRequestRow.app_id == app_id, PullRequestRow.is_open.is_(True)
        )
        rows = several(self._session, statement.order_by(PullRequestRow.number.desc()))
        return [pull_of(row) for row in rows]


def pull_of(row: PullRequestRow) -> PullRequest:
    """Return the pull request that a row holds."""
    return PullRequest(
        app_id=row.app_id,
        number=row.number,
        is_open=row.is_open,
        title=row.title,
        html_url=row.html_url,
        head_branch=row.head_branch,
        head_commit=row.head_commit,
        is_from_fork=row.is_from_fork,
        author=row.author,
        updated_at=row.updated_at,
        comment_id=row.comment_id,
        comment_digest=row.comment_digest,
        head_repository_id=row.head_repository_id,
        pushed_at=row.pushed_at,
        refusal=row.refusal,
        refused_commit=row.refused_commit,
    )
