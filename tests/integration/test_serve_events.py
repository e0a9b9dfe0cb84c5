"""`branchline serve` with people who follow: real servers over one database, one of which ends."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from app.bootstrap.schema import upgrade_database
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.events import Event, Tag
from tests.builders import NOON
from tests.integration.test_serve import SETTINGS, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADERS = {"Authorization": f"Bearer {SETTINGS['BRANCHLINE_API_TOKEN']}"}
MOST = 12


@pytest.fixture
def environ(database_url: str, tmp_path: Path) -> dict[str, str]:
    places = {"BRANCHLINE_LIVE_STREAMS": str(MOST), "BRANCHLINE_BUNDLES": str(tmp_path / "bundles")}
    given = {**SETTINGS, **places, "DATABASE_URL": database_url}
    upgrade_database(given)
    return given


def tell(environ: dict[str, str], *subjects: str) -> None:
    engine = create_engine(environ["DATABASE_URL"])
    for subject in subjects:
        with SqlRecords(engine, lambda _session, _job: None, lambda: NOON).begin() as tx:
            tx.events.append(Event(Tag.BRANCH_PUSHED, subject, "token", NOON, {}))
    engine.dispose()


class Reader:
    """Reads a stream as a browser does; `last` is what it would come back with."""

    def __init__(self, response: httpx.Response) -> None:
        self.last = ""
        self._lines = response.iter_lines()

    def open_up(self) -> None:
        while not self.last:
            self._read()

    def subjects(self, number: int) -> list[str]:
        found = list[str]()
        while len(found) < number:
            if (subject := self._read()) is not None:
                found.append(subject)
        return found

    def rest(self) -> list[str]:
        """Return what comes until it ends."""
        found = list[str]()
        while True:
            try:
                subject = self._read()
            except (StopIteration, httpx.RemoteProtocolError):
                return found
            found += [subject] if subject is not None else []

    def _read(self) -> str | None:
        name, _, value = next(self._lines).partition(": ")
        if name == "id":
            self.last = value
        return str(json.loads(value)["subject"]) if name == "data" else None


@contextmanager
def following(server: Server, last: str = "") -> Iterator[Reader]:
    url = f"http://127.0.0.1:{server.port}/api/events/stream"
    headers = HEADERS | ({"Last-Event-ID": last} if last else {})
    with httpx.stream("GET", url, headers=headers, timeout=60, trust_env=False) as response:
        assert response.status_code == 200
        yield Reader(response)


def test_a_reader_goes_on_at_another_process_when_its_own_ends(
    environ: dict[str, str], tmp_path: Path
) -> None:
    with (
        serving(environ, tmp_path / "first", "--no-jobs") as first,
        serving(environ, tmp_path / "second", "--no-jobs") as second,
    ):
        with following(first) as reader:
            reader.open_up()
            tell(environ, "one", "two")
            assert reader.subjects(2) == ["one", "two"]
            began = time.monotonic()
            first.process.terminate()
            assert reader.rest() == []
            assert time.monotonic() - began < 9  # it would wait ten seconds for a response that does not end
            assert first.process.wait(60) == 0
        tell(environ, "three")
        with following(second, reader.last) as again:
            tell(environ, "four")
            assert again.subjects(2) == ["three", "four"]
    assert "Traceback" not in (tmp_path / "first").read_text() + (tmp_path / "second").read_text()


def test_readers_take_no_place_of_others(environ: dict[str, str], tmp_path: Path) -> None:
    with serving(environ, tmp_path / "log", "--no-jobs") as server:
        url = f"http://127.0.0.1:{server.port}/api/events/stream"
        with httpx.Client(headers=HEADERS, timeout=60, trust_env=False) as client:
            opened = [client.send(client.build_request("GET", url), stream=True) for _ in range(MOST)]
            readers = [Reader(response) for response in opened]
            for reader in readers:
                reader.open_up()
            refused = httpx.get(url, headers=HEADERS, timeout=60)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            for _ in range(20):
                assert server.call("GET", "/readyz")[0] == 200
            tell(environ, "news")
            assert [reader.subjects(1) for reader in readers] == [["news"]] * MOST
            for response in opened:
                response.close()
