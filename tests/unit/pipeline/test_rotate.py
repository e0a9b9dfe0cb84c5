from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from app.domain.environments import Environment
from app.domain.variables import Variable
from app.pipeline import rotate as rotation_of
from app.pipeline.rotate import Rotation, rotate
from app.ports import Transaction
from tests.builders import NOON
from tests.fakes.records import FakeRecords
from tests.unit.pipeline.world import World


def keep(world: World, name: str, app_id: str = "app_0001", **changes: Any) -> Variable:
    secret = Variable(app_id, Environment.STAGING, name, "", is_secret=True, updated_at=NOON, actor="ada")
    secret = replace(secret, **changes)
    secret = replace(secret, value=world.vault.seal(secret.place, f"text of {secret.place}"))
    with world.records.begin() as tx:
        tx.variables.save(secret)
    return secret


def all_secrets(world: World) -> list[Variable]:
    with world.records.read() as tx:
        return list(tx.variables.secrets(None, limit=10_000))


def test_every_secret_is_encrypted_with_the_newest_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_of, "_BATCH", 3)
    world.app()
    for app_id in ("app_0001", "app_0002"):
        for environment in Environment:
            for name in ("A", "B"):
                keep(world, name, app_id, environment=environment)
    world.vault.keys = ("key-2", "key-1")
    new = keep(world, "C")
    assert rotate(world.records, world.vault) == Rotation(renewed=12, current=1)
    world.vault.keys = ("key-2",)
    for secret in all_secrets(world):
        assert world.vault.open(secret.place, secret.value) == f"text of {secret.place}"
        assert (secret.updated_at, secret.actor) == (NOON, "ada")
    assert new in all_secrets(world)
    assert rotate(world.records, world.vault) == Rotation(renewed=0, current=13)
    assert (world.events(), world.records.queue) == ([], [])


def test_variables_are_not_touched(world: World) -> None:
    variable = Variable(
        "app_0001", Environment.STAGING, "A", "1", is_secret=False, updated_at=NOON, actor="ada"
    )
    with world.records.begin() as tx:
        tx.variables.save(variable)
    keep(world, "B")
    world.vault.keys = ("key-2", "key-1")
    assert rotate(world.records, world.vault) == Rotation(renewed=1)
    with world.records.read() as tx:
        assert tx.variables.of("app_0001", Environment.STAGING)[0] == variable


def test_one_that_no_key_opens_is_named_and_the_others_are_done(world: World) -> None:
    lost = keep(world, "A")
    world.vault.keys = ("key-2",)
    keep(world, "B")
    world.vault.keys = ("key-3", "key-2")
    assert rotate(world.records, world.vault) == Rotation(renewed=1, unreadable=["app_0001/staging/A"])
    assert lost in all_secrets(world)


def test_what_is_set_in_the_middle_is_not_undone(world: World) -> None:
    world.app()
    keep(world, "A")
    keep(world, "B")
    world.vault.keys = ("key-2", "key-1")

    class Changing(FakeRecords):
        """Somebody sets one secret and removes another between the look and the write."""

        def __init__(self, records: FakeRecords) -> None:
            self._records = records

        def read(self) -> Any:
            return self._records.read()

        @contextmanager
        def begin(self) -> Iterator[Transaction]:
            with self._records.begin() as tx:
                (old,) = [it for it in tx.variables.of("app_0001", Environment.STAGING) if it.name == "A"]
                tx.variables.save(replace(old, value=world.vault.seal(old.place, "set meanwhile")))
                tx.variables.remove("app_0001", Environment.STAGING, "B")
                yield tx

    assert rotate(Changing(world.records), world.vault) == Rotation(renewed=0, current=1)
    (left,) = all_secrets(world)
    assert world.vault.open(left.place, left.value) == "set meanwhile"


def test_what_was_begun_is_gone_on_with(world: World) -> None:
    for name in ("A", "B"):
        keep(world, name)
        keep(world, name, "app_0002")
    world.vault.keys = ("key-2", "key-1")

    class Dying(FakeRecords):
        """The process ends after its first write."""

        def __init__(self, records: FakeRecords) -> None:
            self._records, self.writes = records, 0

        def read(self) -> Any:
            return self._records.read()

        def begin(self) -> Any:
            self.writes += 1
            if self.writes > 1:
                raise KeyboardInterrupt
            return self._records.begin()

    with pytest.raises(KeyboardInterrupt):
        rotate(Dying(world.records), world.vault)
    assert rotate(world.records, world.vault) == Rotation(renewed=2, current=2)
