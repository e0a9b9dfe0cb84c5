"""`branchline secrets rotate` on both databases: keys come and go, and no secret is lost or shown."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
import sqlalchemy
from cryptography.fernet import Fernet

from app.cli import main
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.domain.variables import Variable
from app.errors import SecretUnreadable
from app.pipeline.rotate import rotate
from app.pipeline.variables import Editor, set_secrets
from app.settings import Settings
from app.vault import FernetVault
from tests.builders import an_app
from tests.fakes.clock import FakeClock
from tests.integration.web.world import PLATFORM

OLD, NEW, NEWEST = (Fernet.generate_key().decode() for _ in range(3))
SECRET_KEY = "k" * 32
ENVIRON = {
    "BRANCHLINE_URL": "https://branchline.test",
    "BRANCHLINE_SECRET_KEY": SECRET_KEY,
    "BRANCHLINE_API_TOKEN": "t" * 20,
    "BRANCHLINE_BUNDLES": "/nowhere",
    "GITHUB_TOKEN": "token",
    "GITHUB_ORG": "acme",
    "GITHUB_TEMPLATE_REPO": "acme/template",
    "GITHUB_WEBHOOK_SECRET": "s" * 16,
    "CLOUDFLARE_ACCOUNT_ID": "account",
    "CLOUDFLARE_API_TOKEN": "token",
    "WFP_DISPATCH_DOMAIN": "dispatch.test",
    "APPS_DOMAIN": "apps.test",
}


def vault(*keys: str, secret_key: str = SECRET_KEY) -> FernetVault:
    """Return the vault of a control plane with these keys in its settings."""
    listed = {"BRANCHLINE_ENCRYPTION_KEYS": ",".join(keys)} if keys else {}
    return FernetVault.from_settings(
        Settings.from_environ({**ENVIRON, **listed, "BRANCHLINE_SECRET_KEY": secret_key})
    )


def enqueue_nothing(_session: object, _job: Job) -> None:
    """Nothing is live, so nothing is asked for."""


@dataclass
class Plane:
    """A control plane's database, and the command that is run on its machine."""

    url: str
    records: SqlRecords
    platform: Platform = PLATFORM

    def set(self, by: FernetVault, app: str = "app-1", **values: str) -> None:
        with self.records.begin() as tx:
            editor = Editor("ada", FakeClock()(), by, self.platform)
            set_secrets(tx, app, Environment.PRODUCTION, values, editor)

    def secrets(self) -> Sequence[Variable]:
        with self.records.read() as tx:
            return tx.variables.secrets(None, limit=10_000)

    def texts(self, by: FernetVault) -> dict[str, str]:
        return {it.place: by.open(it.place, it.value) for it in self.secrets()}


@pytest.fixture
def plane(migrated_url: str) -> Iterator[Plane]:
    engine = create_engine(migrated_url)
    records = SqlRecords(engine, enqueue_nothing, FakeClock())
    with records.begin() as tx:
        for number in (1, 2):
            tx.apps.add(an_app(number))
    yield Plane(migrated_url, records)
    engine.dispose()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Rotate as an operator does; return the exit code and what was said."""

    def run(url: str, *keys: str) -> tuple[int, str, str]:
        for name, value in {**ENVIRON, "DATABASE_URL": url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("BRANCHLINE_ENCRYPTION_KEYS", ",".join(keys))
        monkeypatch.setattr(sys, "argv", ["branchline", "secrets", "rotate"])
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        else:
            code = 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_key_is_exchanged_for_another(plane: Plane, run: Run) -> None:
    plane.set(vault(OLD), A="canary-a", B="canary-b")
    plane.set(vault(OLD), "app-2", A="canary-c")
    before = plane.secrets()
    assert run(plane.url, NEW, OLD) == (
        0,
        "encrypted with the newest key: 3, already before: 0\n",
        "",
    )
    assert plane.texts(vault(NEW)) == {
        "app_0001/production/A": "canary-a",
        "app_0001/production/B": "canary-b",
        "app_0002/production/A": "canary-c",
    }
    for old, new in zip(before, plane.secrets(), strict=True):
        assert (old.name, old.updated_at, old.actor) == (new.name, new.updated_at, new.actor)
        assert old.value != new.value
    with pytest.raises(SecretUnreadable):
        plane.texts(vault(OLD))
    assert run(plane.url, NEW, OLD)[1] == "encrypted with the newest key: 0, already before: 3\n"


def test_keys_of_ones_own_take_over_from_the_secret_key(plane: Plane, run: Run) -> None:
    plane.set(vault(), A="canary")
    assert plane.texts(vault(NEW)) == {"app_0001/production/A": "canary"}
    assert run(plane.url, NEW)[0] == 0
    assert plane.texts(vault(NEW, secret_key="another" * 5)) == {"app_0001/production/A": "canary"}


def test_without_keys_of_ones_own_a_changed_secret_key_loses_them(plane: Plane) -> None:
    plane.set(vault(), A="canary")
    with pytest.raises(SecretUnreadable, match="app_0001/production/A"):
        plane.texts(vault(secret_key="another" * 5))


def test_a_key_that_was_taken_away_too_early_is_an_error_with_the_names(plane: Plane, run: Run) -> None:
    plane.set(vault(OLD), A="canary-a", B="canary-b")
    plane.set(vault(NEW), "app-2", A="canary-c")
    code, out, err = run(plane.url, NEWEST, NEW)
    why = (
        "does not open 2 of the secrets: add the keys that they were encrypted with and rotate again, "
        "or set them again"
    )
    assert code == 78
    assert out == "encrypted with the newest key: 1, already before: 0\n"
    assert err.splitlines() == [
        "no key opens app_0001/production/A",
        "no key opens app_0001/production/B",
        f"branchline: BRANCHLINE_ENCRYPTION_KEYS {why} [settings:misconfigured]",
    ]
    assert run(plane.url, NEWEST, NEW, OLD)[:2] == (
        0,
        "encrypted with the newest key: 2, already before: 1\n",
    )


def test_a_database_that_is_not_there_is_not_a_success(sqlite_url: str, run: Run) -> None:
    code, out, err = run(sqlite_url, NEW)
    assert (code, out) == (2, "")
    assert "[database:not-migrated]" in err


def test_swapped_rows_are_noticed(plane: Plane) -> None:
    plane.set(vault(NEW), CHEAP="a", DEAR="b")
    engine = create_engine(plane.url)
    with engine.begin() as connection:
        swap = (
            "UPDATE variables SET value = (SELECT value FROM variables WHERE name = 'DEAR') "
            "WHERE name = 'CHEAP'"
        )
        connection.execute(sqlalchemy.text(swap))
    engine.dispose()
    with pytest.raises(SecretUnreadable, match="app_0001/production/CHEAP"):
        plane.texts(vault(NEW))


def test_secrets_are_set_while_keys_rotate(plane: Plane) -> None:
    """Processes with the old and with the new settings serve while two operators rotate."""
    old_first, new_first = vault(OLD, NEW), vault(NEW, OLD)
    plane.set(old_first, **{f"S{number}": "0" for number in range(20)})
    errors: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> threading.Thread:
        def attempt() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told to the test
                errors.append(error)

        return threading.Thread(target=attempt)

    def set_all(by: FernetVault, first: int) -> None:
        for number in range(first, 20, 2):
            plane.set(by, **{f"S{number}": "1"})

    threads = [
        guarded(lambda: set_all(old_first, 0)),
        guarded(lambda: set_all(new_first, 1)),
        guarded(lambda: rotate(plane.records, new_first)),
        guarded(lambda: rotate(plane.records, new_first)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    rotate(plane.records, new_first)
    assert set(plane.texts(vault(NEW)).values()) == {"1"}
