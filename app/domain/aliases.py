"""Aliases: the address of an environment, or of a pull request's preview, and which deployment it shows.

A deployment's own address never changes; an alias can be pointed at another deployment. What is live is what
the alias says, not what was deployed last.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.domain.environments import Environment

# Whoever puts a script up has the alias for itself this long: longer than the calls that it makes may take.
LEASE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Alias:
    """One script and the deployment that it shows.

    `order` is the run, and its attempt, up to which runs do not go live by themselves any more. A pinned
    alias takes no run at all until somebody resumes. `is_settled` is False once it was asked to be put up
    again, and until somebody begins with it. `actor` is who pointed it there; `holder` (a deployment or a
    job) is putting its script up until `held_until`. A preview's alias expires: `expired_at` is when it was
    taken down for that.
    """

    app_id: str
    script: str
    environment: Environment
    namespace: str
    updated_at: datetime
    pull_request: int | None = None
    deployment_id: str | None = None
    order: tuple[int, int] = (0, 0)
    is_pinned: bool = False
    is_settled: bool = True
    actor: str | None = None
    holder: str | None = None
    held_until: datetime | None = None
    expires_at: datetime | None = None
    expired_at: datetime | None = None

    @property
    def shown(self) -> str | None:
        """The deployment that answers there, or will; None when there is none, or its time is over."""
        return None if self.expired_at is not None else self.deployment_id

    @property
    def is_in_line(self) -> bool:
        """Its script is what it points to, and nobody is putting anything up."""
        return self.is_settled and self.holder is None

    def takes(self, order: tuple[int, int]) -> bool:
        """Tell whether a run of this order goes live here by itself."""
        return not self.is_pinned and order > self.order

    def is_held(self, by: str, at: datetime) -> bool:
        """Tell whether somebody other than `by` is putting its script up at this moment."""
        return self.holder not in {None, by} and self.held_until is not None and at < self.held_until
