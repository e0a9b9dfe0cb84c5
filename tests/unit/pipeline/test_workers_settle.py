"""Settling asks about what may stand and is not to, and no death of a process leaves anything standing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from app.domain.workers import LEASE
from app.pipeline.workers_settle import settle
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.workshop import BYE, HELLO, PRODUCTION, FakeWorkshop

KEPT = 3
OLDER = "export function older() {}"


@pytest.fixture
def shop() -> FakeWorkshop:
    return FakeWorkshop()


def looks(shop: FakeWorkshop) -> int:
    """Return how often a script was asked for its tags."""
    return shop.scripts.faults.calls.count("tags")


def assert_in_line(shop: FakeWorkshop) -> None:
    """Check that what stands is what is recorded, and that all of it is written down."""
    own = {it.own_script: it for it in shop.versions if it.has_own_address}
    assert shop.up == {shop.worker().script, *own}
    assert shop.shows(shop.worker().script) == shop.shows(shop.versions[0].own_script)
    assert {script for _, script in shop.records.memory.standing} <= shop.up
    assert shop.worker().is_settled
    assert shop.worker().holder is None


class Mortal:
    """A shop whose process dies when it has done so many acts: calls of scripts, and transactions."""

    def __init__(self, shop: FakeWorkshop, acts: int) -> None:
        self.acts = acts
        self._shop = shop
        self._restore = list[Callable[[], None]]()
        for name in ("put", "delete", "tags", "delete_tagged"):
            self._replace(shop.scripts, name, self._act(getattr(shop.scripts, name)))
        self._replace(shop.records, "begin", self._transaction(shop.records.begin))

    def revive(self) -> None:
        """Let a process go on that does not die."""
        for restore in self._restore:
            restore()

    def _replace(self, owner: object, name: str, by: Callable[..., Any]) -> None:
        setattr(owner, name, by)
        self._restore.append(lambda: delattr(owner, name))

    def _act(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def die_after(*given: Any, **named: Any) -> Any:
            answer = act(*given, **named)
            self._count()
            return answer

        return die_after

    def _transaction(self, begin: Callable[[], Any]) -> Callable[[], Any]:
        @contextmanager
        def die_after() -> Iterator[Any]:
            with begin() as tx:
                yield tx
            self._count()

        return die_after

    def _count(self) -> None:
        self.acts -= 1
        if self.acts == 0:
            raise Crashed("out of acts")


def a_full_shop() -> FakeWorkshop:
    """Return a shop of which the next version is one too many."""
    shop = FakeWorkshop()
    shop.create(OLDER)
    for _ in range(KEPT - 1):
        shop.update(HELLO)
    shop.run_jobs()
    return shop


def test_versions_that_are_gone_are_asked_for_no_more(shop: FakeWorkshop) -> None:
    shop.create()
    before = 0
    for _ in range(40):
        before = looks(shop)
        shop.update()
        shop.run_jobs()
    assert looks(shop) - before <= KEPT + 2
    assert_in_line(shop)


def test_what_was_gone_already_is_asked_for_once(shop: FakeWorkshop) -> None:
    first = shop.create().version
    for _ in range(KEPT):
        shop.update()
    shop.scripts.delete(PRODUCTION, first.own_script)
    shop.run_jobs()
    assert_in_line(shop)


def test_an_address_that_nobody_wrote_down_is_taken_down_when_its_version_is_old(shop: FakeWorkshop) -> None:
    first = shop.create().version
    with shop.records.begin() as tx:  # as a process leaves it that ends between putting and writing down
        tx.standing.remove(PRODUCTION, [first.own_script])
    for _ in range(KEPT):
        shop.update()
    shop.run_jobs()
    assert first.own_script not in shop.up
    assert_in_line(shop)


def test_an_update_that_dies_at_any_moment_leaves_nothing_behind() -> None:
    for acts in range(1, 100):
        shop = a_full_shop()
        mortal = Mortal(shop, acts)
        with suppress(Crashed):
            shop.update(BYE)
        mortal.revive()
        shop.let_pass(LEASE.total_seconds())
        assert_in_line(shop)
        if mortal.acts > 0:
            assert acts > 5, "it died at every moment"
            return
    raise AssertionError("an update never ends")


@pytest.mark.parametrize("days", [0, 8])
def test_a_settling_that_dies_at_any_moment_is_done_again(days: int) -> None:
    for acts in range(1, 100):
        shop = a_full_shop()
        shop.let_pass(days * 86400)
        shop.update(BYE)
        job = shop.records.queue.pop(0)
        mortal, steps = Mortal(shop, acts), FakeSteps()
        with suppress(Crashed):
            settle(job, steps, shop.to)
        mortal.revive()
        steps.restart()
        settle(job, steps, shop.to)
        shop.let_pass(LEASE.total_seconds())
        assert_in_line(shop)
        if mortal.acts > 0:
            assert acts > 5, "it died at every moment"
            return
    raise AssertionError("settling never ends")
