"""The process as a whole: directory and credentials, API server, runtime."""

import fcntl
import logging
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.cloudflare.gate import Gate, RateLimit
from sandbox.cloudflare.model import Namespace, new_id
from sandbox.cloudflare.names import check_namespace, is_account_id
from sandbox.cloudflare.routes.world import World
from sandbox.cloudflare.runtime import Runtime
from sandbox.cloudflare.store import read_json, write_json
from sandbox.cloudflare.web import create_app
from sandbox.cloudflare.workerd_config import Setup
from sandbox.ports import free_port

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    directory: Path
    port: int
    dispatch_port: int
    account_id: str | None
    token: str | None
    namespaces: tuple[str, ...]
    bindings: dict[str, str]
    apps_domain: str
    control_plane_url: str
    dispatch_worker: Path
    tools: Path
    workerd: Path
    stall_seconds: float
    rate_limit: int


@dataclass(frozen=True)
class Credentials:
    """Account and secrets; what is not given is made up once and kept in the directory."""

    account_id: str
    token: str
    signing_key: str

    @classmethod
    def kept_in(cls, directory: Path, account_id: str | None, token: str | None) -> "Credentials":
        """Read the credentials of a directory, or make them up."""
        path = directory / "credentials.json"
        kept = read_json(path) or {}
        made = cls(
            account_id=account_id or kept.get("accountId") or new_id(),
            token=token or kept.get("apiToken") or secrets.token_urlsafe(30),
            signing_key=kept.get("signingKey") or secrets.token_hex(32),
        )
        if not is_account_id(made.account_id):
            raise SystemExit(f"--account-id must be 32 hexadecimal digits, got {made.account_id!r}")
        write_json(
            path, {"accountId": made.account_id, "apiToken": made.token, "signingKey": made.signing_key}
        )
        path.chmod(0o600)
        return made


class Server:
    """Everything that runs; a context that ends it all."""

    def __init__(self, options: Options) -> None:
        directory = options.directory.resolve()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _lock(directory)
        credentials = Credentials.kept_in(directory, options.account_id, options.token)
        dispatch_port = options.dispatch_port or free_port()
        setup = Setup(
            state=directory,
            tools=options.tools,
            dispatch_worker=options.dispatch_worker,
            bindings=options.bindings,
            apps_domain=f"{options.apps_domain}:{dispatch_port}",
            control_plane_url=options.control_plane_url,
        )
        self._runtime = Runtime(setup, options.workerd, dispatch_port, options.stall_seconds)
        world = World.build(
            directory=directory,
            gate=Gate(credentials.token, credentials.account_id, RateLimit(options.rate_limit)),
            runtime=self._runtime,
            signing_key=credentials.signing_key,
            dispatch_url=f"http://127.0.0.1:{dispatch_port}",
        )
        _create_namespaces(world, (*options.namespaces, *options.bindings.values()))
        self._http = make_server(
            "127.0.0.1", options.port, create_app(world), threaded=True, request_handler=_Handler
        )
        self.url = f"http://127.0.0.1:{self._http.port}"

    def __enter__(self) -> Self:
        """Start; both the API and the dispatch worker answer when this returns."""
        threading.Thread(target=self._http.serve_forever, name="api", daemon=True).start()
        try:
            self._runtime.start(self._http.port)
        except BaseException:
            self._http.shutdown()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop workerd first: it still reports to the API."""
        self._runtime.stop()
        self._http.shutdown()
        self._http.server_close()
        self._lock.close()


class _Handler(WSGIRequestHandler):
    """HTTP/1.1 with kept connections, and no line per request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log at a level that is usually off."""
        log.debug("%s %s %s", self.requestline, code, size)


def _create_namespaces(world: World, names: tuple[str, ...]) -> None:
    for name in names:
        if not world.store.has_namespace(check_namespace(name)):
            world.store.add_namespace(Namespace(name))


def _lock(directory: Path) -> IO[str]:
    """Hold the directory, so that two processes never share it."""
    file = (directory / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SystemExit(f"{directory} is in use by another process") from None
    return file
