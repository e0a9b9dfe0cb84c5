"""Whether this machine's jobs process lives, for whoever watches over it: the database, and nothing else."""

import socket
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError

from app.database.session import create_engine, translated
from app.errors import RemoteUnavailable
from app.jobs.liveness import beats_on
from app.settings import database_url_from_environ


def check_jobs(environ: Mapping[str, str]) -> None:
    """Return when a worker of this machine said within the last seconds that it lives.

    Raises:
        RemoteUnavailable: none did, or the database does not answer.
    """
    machine = socket.gethostname()
    engine = create_engine(database_url_from_environ(environ))
    try:
        with translated(engine.url):
            is_alive = beats_on(engine, machine)
    except DBAPIError:
        is_alive = False  # there is no such table
    finally:
        engine.dispose()
    if not is_alive:
        raise RemoteUnavailable(f"looking for a jobs process on {machine}: none lives", code="jobs:silent")
