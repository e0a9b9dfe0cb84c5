"""The version that jobs are asked for under: which process may take which."""

from app.domain.jobs import JobType
from app.jobs.engine import APPLICATION_VERSION

# A process of the release before takes every job of its own version, and fails one of a type that it does not
# know: an app would be failed in the middle of an upgrade. A job of a higher version waits for a process that
# knows it. So who adds a type, or takes one away, raises APPLICATION_VERSION and writes both down here.
KNOWN = {
    2: {
        *("provision", "publish", "preview", "retire", "delete", "release", "promote", "restore", "expire"),
        *("redeploy", "approve", "fork-preview", "commit", "sync", "redeliver", "settle", "invoke"),
        "reconcile",
    }
}


def test_another_type_of_job_raises_the_version() -> None:
    assert KNOWN.get(APPLICATION_VERSION) == set(JobType)
