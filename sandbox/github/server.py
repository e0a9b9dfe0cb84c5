"""Starting and stopping one sandbox GitHub: the only place where its parts are put together."""

from __future__ import annotations

import fcntl
import threading
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.github import actors, application, refs, seed
from sandbox.github.background import Background
from sandbox.github.database import Database
from sandbox.github.site import Site

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from sandbox.github.settings import Settings

HOST = "127.0.0.1"
POLL_SECONDS = 0.05  # how soon the server notices that it is to stop


class _Handler(WSGIRequestHandler):
    """Speaks HTTP/1.1 and does not write every request on the terminal."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_details: Any) -> None:
        """Say nothing."""


class DirectoryInUse(RuntimeError):
    """Another server works in the same directory."""


class Server:
    """A running GitHub; ``start`` returns when it can be asked."""

    def __init__(self, settings: Settings) -> None:
        settings.directory.mkdir(parents=True, exist_ok=True)
        settings.directory.chmod(0o700)  # the database holds the secrets of every repository
        self._lock = _locked(settings.directory / "lock")
        database = Database(settings.directory / "github.sqlite3")
        self._http = make_server(HOST, settings.port, _starting, threaded=True, request_handler=_Handler)
        self.site = Site(settings, database, f"http://{HOST}:{self._http.server_port}")
        self._http.app = self._application()
        self._background = Background(self.site)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(POLL_SECONDS,), name="http", daemon=True
        )

    def _application(self) -> Any:
        site = self.site
        flask = application.create(site)
        if site.settings.with_actions:
            from sandbox.github import mounting  # noqa: PLC0415 - a site without Actions must not need the engine

            mounting.mount_actions(site, flask)
        return flask

    @property
    def url(self) -> str:
        """Return the address that people, git and, below /api/v3, API clients use."""
        return self.site.url

    def start(self) -> None:
        """Seed, announce what a killed process left unannounced, and serve."""
        seed.run(self.site)
        _catch_up(self.site)
        if self.site.actions:
            self.site.actions.start()  # it clears away the runs of before: the new ones come after that
        self._background.start()
        self._thread.start()

    def close(self) -> None:
        """Stop serving and leave everything on disk.

        What waits to be sent or to run stays for the next start: who should get it may be going too, and no
        run may begin that finds nobody. A receiver that does not answer keeps only the very end waiting.
        """
        self._background.stop()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        if self.site.actions:
            self.site.actions.close()
        self._background.close()
        self.site.database.close()
        self._lock.close()


def _starting(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return []


def _locked(path: Path) -> Any:
    """Claim the directory for this process.

    Raises: DirectoryInUse while another one has it.
    """
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DirectoryInUse(f"{path.parent} is used by another sandbox GitHub") from None
    return file


def _catch_up(site: Site) -> None:
    """Announce pushes whose server died before it could."""
    actor = actors.by_login(site, site.settings.bot)
    copying = "SELECT id FROM repositories WHERE id NOT IN (SELECT repository_id FROM copies) ORDER BY id"
    for row in site.database.all(copying):
        refs.publish(site, row["id"], actor)
