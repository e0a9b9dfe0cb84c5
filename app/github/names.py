"""Which repository answers to a name: believed for a while once it was the right one, never when it was not.

What somebody may do is no business of this; it only keeps what is allowed in one repository from being done
in another that took over its name.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from app.domain.apps import Repository
from app.errors import RemoteMissing
from app.github.client import GitHub, path

# Looks at people come about once a minute; a renamed repository is told of at once.
BELIEVED_SECONDS: Final = 300.0
_MOST: Final = 10_000


class Names:
    """Names of repositories as one process saw them; used from any number of threads."""

    def __init__(self, github: GitHub, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._github, self._monotonic = github, monotonic
        self._seen: dict[tuple[int, str], float] = {}

    def lead_to(self, repository: Repository) -> bool:
        """Tell whether a repository is still what answers to its name; GitHub leads on from a former one."""
        key, now = (repository.id, repository.full_name), self._monotonic()
        if now - self._seen.get(key, -math.inf) < BELIEVED_SECONDS:
            return True
        if self._id_of(repository.full_name) != repository.id:
            return False
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[key] = now
        return True

    def _id_of(self, full_name: str) -> int | None:
        # https://docs.github.com/en/rest/repos/repos#get-a-repository
        try:
            with self._github.doing("looking which repository answers to a name"):
                return int(self._github.request("GET", path("repos", full_name))["id"])
        except RemoteMissing:
            return None
