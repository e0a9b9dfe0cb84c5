"""Deploy grants: what a workflow run gets instead of a Cloudflare token.

A grant names one deployment, and with it one namespace and one script. It is signed by us with a key for this
purpose alone, and ends by itself after fifteen minutes; whether its deployment still takes uploads is for
whoever reads it to look up.
"""

from datetime import datetime, timedelta
from typing import Final

from itsdangerous import BadData

from app.domain.deployments import Deployment
from app.errors import Unauthenticated
from app.ports import Clock
from app.web.stamps import stamps

LIFETIME: Final = timedelta(minutes=15)
_PURPOSE: Final = "branchline/deploy-grant"
_LONGEST: Final = 1024
# Of one of our machines behind the other: a run uses what one gave out at the other at once.
_LEEWAY: Final = timedelta(seconds=30)


class Grants:
    """Issues grants and reads them; all processes with one secret key read each other's."""

    def __init__(self, secret_key: str, clock: Clock) -> None:
        self._serializer = stamps(secret_key, _PURPOSE, clock)

    def issue(self, deployment: Deployment) -> str:
        """Return a grant to put the script of `deployment` up."""
        return self._serializer.dumps({"deployment": deployment.id})

    def read(self, token: str, now: datetime) -> str:
        """Return the id of the deployment that a grant is for.

        Raises:
            Unauthenticated: it is not a grant of ours, or its time is over.
        """
        try:
            told, issued_at = self._serializer.loads(token[:_LONGEST], return_timestamp=True)
        except BadData:
            raise _refused("this is not a deploy grant that was given out here") from None
        if not -_LEEWAY <= now - issued_at < LIFETIME:
            raise _refused("the deploy grant has expired: run the workflow again")
        return str(told["deployment"])


def _refused(problem: str) -> Unauthenticated:
    return Unauthenticated(f"deploying: {problem}", code="grant:invalid")
