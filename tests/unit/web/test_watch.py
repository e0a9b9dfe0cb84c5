"""What the reader of a stream is told while things are made that they may see, and while others make many."""

from collections.abc import Collection, Sequence

import pytest

from app.domain.events import Event, Place, Tag
from app.errors import NotFound
from app.web.following import Told
from app.web.watch import Heard, Watch
from tests.builders import at


class Reader:
    """Somebody whose stream is open, in a world where they may see `owners`."""

    def __init__(self, *owners: str, heard: Heard | None = None, reads: bool = True) -> None:
        self.owners = set(owners)
        self.now = 0.0
        self.looks = self.reads = 0
        self.heard = heard or Heard()
        self._place = 0
        read = self._read if reads else None
        self.watch = Watch(self._look, read, self.heard, monotonic=lambda: self.now)

    def picks(self, *owners: str | None) -> list[str | None]:
        """Return of whom they are told when one fact of each comes."""
        return [it.event.app_id for it in self.watch.pick(self._news(owners))]

    def waits(self) -> float | None:
        return self.watch.wait_seconds

    def _news(self, owners: Sequence[str | None]) -> list[Told]:
        self._place += len(owners)
        place = Place(self._place, 0)
        facts = [Event(Tag.BRANCH_PUSHED, str(it), "ada", at(0), {}, app_id=it) for it in owners]
        return [Told(place, event, b"") for event in facts]

    def _look(self) -> Collection[str]:
        self.looks += 1
        if not self.owners:
            raise NotFound.of("app", "shop")
        return frozenset(self.owners)

    def _read(self) -> Collection[str]:
        self.reads += 1
        return frozenset(self.owners)


def test_what_was_just_made_is_told_of_although_no_look_is_due() -> None:
    ada = Reader("app_1")
    ada.now += 1
    ada.owners.add("app_2")
    assert ada.picks("app_1", "app_2", "app_1") == ["app_1", "app_2", "app_1"]
    assert (ada.looks, ada.reads) == (1, 1)


def test_what_comes_within_the_second_of_a_look_waits_for_its_end() -> None:
    ada = Reader("app_1")
    ada.owners.add("app_2")
    ada.now += 0.25
    assert ada.picks("app_1", "app_2", "app_9", "app_1") == ["app_1"]
    assert ada.waits() == 0.75
    ada.now += 0.5
    assert ada.picks("app_1") == []
    ada.now += 0.25
    assert ada.waits() == 0
    assert ada.picks() == ["app_2", "app_1", "app_1"]
    assert ada.waits() is None
    assert (ada.looks, ada.reads) == (1, 1)


def test_what_others_tell_of_costs_one_look_however_much_it_is() -> None:
    ada = Reader("app_1")
    for _ in range(10):
        ada.now += 1
        assert ada.picks(*[f"app_{number}" for number in range(1, 1000)]) == ["app_1"]
    assert ada.reads == 1


def test_what_is_always_new_costs_one_look_a_second() -> None:
    ada = Reader("app_1")
    for number in range(1000):
        ada.now += 0.01
        ada.picks(f"app_{number + 2}")
    assert ada.reads == pytest.approx(10, abs=1)


def test_whoever_opens_a_stream_later_does_not_ask_about_what_was_heard_of_before() -> None:
    heard = Heard()
    ada, grace = Reader("app_1", heard=heard), Reader("app_2", heard=heard)
    ada.now = grace.now = 1
    assert ada.picks("app_1", "app_2", "app_3") == ["app_1"]
    assert grace.picks("app_1", "app_2", "app_3") == ["app_2"]
    lin = Reader("app_3", heard=heard)
    lin.now = 1
    assert lin.picks("app_1", "app_2", "app_3") == ["app_3"]
    assert (ada.reads, grace.reads, lin.reads) == (1, 1, 0)


def test_what_belongs_to_nobody_is_left_out_at_once() -> None:
    ada = Reader("app_1")
    assert ada.picks(None, "app_1") == ["app_1"]
    assert ada.waits() is None


def test_whoever_follows_one_app_is_told_of_that_alone() -> None:
    ada = Reader("app_1", reads=False)
    ada.owners.add("app_2")
    ada.now += 1
    assert ada.picks("app_1", "app_2") == ["app_1"]


def test_what_is_held_back_is_not_told_to_who_lost_the_right_meanwhile() -> None:
    ada = Reader("app_1", "app_2")
    assert ada.picks("app_3", "app_1") == []
    ada.owners.remove("app_1")
    ada.now += 60
    assert ada.picks("app_2") == []
    ada.now += 1
    assert ada.picks() == ["app_2"]
    assert (ada.looks, ada.reads) == (2, 1)


def test_a_look_that_is_refused_is_for_whoever_asked() -> None:
    ada = Reader("app_1")
    ada.owners.clear()
    ada.now += 60
    with pytest.raises(NotFound):
        ada.picks("app_1")


def test_what_was_heard_of_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.watch._MOST_REMEMBERED", 2)
    heard = Heard()
    assert [heard.number(it) for it in ("a", "b", "a", "c", "c", "a")] == [1, 2, 1, 3, 3, 4]
    assert heard.count == 4
