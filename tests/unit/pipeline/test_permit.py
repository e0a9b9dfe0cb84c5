"""How much somebody may do: asked when it is not known, believed for a while, longer while nobody answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.apps import App, AppStatus
from app.domain.callers import Person, Reach
from app.domain.rights import Level, Right
from app.errors import Overloaded, RateLimited, RemoteForbidden, RemoteUnavailable, Unauthenticated
from app.pipeline.permit import FRESH, KEPT, LISTED, OUTLIVED, Permits, is_member, level_on, list_apps_of
from app.pipeline.sign_in import keep_person
from app.ports.people import Memberships
from tests.builders import a_repository, an_app, at
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost, FakeRepository
from tests.fakes.code_host_people import FakeMemberships, sign_up
from tests.fakes.records import FakeRecords
from tests.fakes.vault import FakeVault

SHOP = an_app(1, repository=a_repository(1))
AWAY = RemoteUnavailable("the host is away")


class Desk:
    """A code host, our memory, and somebody who has signed in."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.records = FakeRecords(self.clock)
        self.host = FakeCodeHost(self.clock)
        self.host.repositories[SHOP.repository_name] = FakeRepository(a_repository(1))
        self.is_full = False
        self.turns: list[str] = []
        self.first: Callable[[], object] | None = None
        self.vault = FakeVault()
        self.given = Permits(self.records, self.looking, self.turn, self.vault, self.clock, "acme")
        account = sign_up(self.host, "ada", 7, "gho_ada")
        with self.records.begin() as tx:
            tx.apps.add(SHOP)
            self.ada = keep_person(tx, account, "gho_ada", self.vault, self.clock())

    @contextmanager
    def looking(self, doing: str) -> Iterator[Memberships]:
        if self.is_full:
            raise Overloaded(f"{doing}: too many", retry_after_seconds=1)
        yield FakeMemberships(self.host)

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Let somebody else with the same wish go first, when there is one."""
        self.turns.append(key)
        first, self.first = self.first, None
        if first is not None:
            first()
        yield

    def let(self, level: Level) -> None:
        self.host.repositories[SHOP.repository_name].levels["ada"] = level

    @property
    def looks(self) -> int:
        return len(self.host.faults.calls)

    def person(self) -> Person:
        with self.records.read() as tx:
            return tx.people.get(self.ada.id)

    def listed(self) -> list[str]:
        list_apps_of(self.person(), self.given)
        with self.records.read() as tx:
            return [app.name for app in tx.apps.list(reach=Reach(self.ada.id)).items]

    def level(self) -> Level:
        return level_on(self.ada, SHOP, self.given)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("level", [Level.READ, Level.WRITE, Level.ADMIN])
def test_it_is_what_the_code_host_says(desk: Desk, level: Level) -> None:
    assert desk.level() is Level.NONE
    desk.let(level)
    desk.clock.now += FRESH
    assert desk.level() is level


def test_nobody_looks_twice_within_a_minute(desk: Desk) -> None:
    desk.let(Level.WRITE)
    assert desk.level() is Level.WRITE
    desk.let(Level.NONE)
    desk.clock.now += FRESH - timedelta(seconds=1)
    assert (desk.level(), desk.looks) == (Level.WRITE, 1)
    desk.clock.now += timedelta(seconds=1)
    assert (desk.level(), desk.looks) == (Level.NONE, 2)


def test_of_two_at_once_one_looks(desk: Desk) -> None:
    desk.let(Level.WRITE)
    desk.first = desk.level
    assert (desk.level(), desk.looks) == (Level.WRITE, 1)
    assert len(set(desk.turns)) == 1


def test_of_two_at_once_one_lists(desk: Desk) -> None:
    desk.let(Level.READ)
    desk.clock.now += LISTED
    desk.first = desk.listed
    assert (desk.listed(), desk.looks) == ([SHOP.name], 1)
    assert desk.turns == [desk.ada.id, desk.ada.id]


@pytest.mark.parametrize("error", [AWAY, RateLimited("slow down", retry_at=at(60))])
def test_what_was_seen_counts_for_ten_minutes_while_the_host_is_away(
    desk: Desk, error: RemoteUnavailable
) -> None:
    desk.let(Level.WRITE)
    assert desk.level() is Level.WRITE
    desk.host.fail_next(error, call="level", times=2)
    desk.clock.now += KEPT - timedelta(seconds=1)
    assert desk.level() is Level.WRITE
    desk.clock.now += timedelta(seconds=1)
    with pytest.raises(RemoteUnavailable):
        desk.level()


def test_what_was_seen_counts_while_too_many_ask(desk: Desk) -> None:
    desk.let(Level.WRITE)
    desk.level()
    desk.is_full = True
    desk.clock.now += FRESH
    assert desk.level() is Level.WRITE


def test_whoever_took_over_a_login_is_somebody_else(desk: Desk) -> None:
    desk.let(Level.ADMIN)
    desk.host.accounts["ada"] = 8
    assert desk.level() is Level.NONE


def test_before_there_is_a_repository_an_app_is_its_creators(desk: Desk) -> None:
    app = replace(SHOP, repository=None)
    assert level_on(desk.ada, app, desk.given) is Level.NONE
    with desk.records.begin() as tx:
        tx.rights.save(Right(desk.ada.id, app.id, Level.ADMIN, at(0)))
    desk.clock.now += KEPT * 6
    assert (level_on(desk.ada, app, desk.given), desk.looks) == (Level.ADMIN, 0)


def test_whoever_had_an_app_deleted_sees_how_that_ends(desk: Desk) -> None:
    app = replace(SHOP, status=AppStatus.DELETING)
    desk.let(Level.ADMIN)
    desk.level()
    del desk.host.repositories[SHOP.repository_name]
    desk.clock.now += KEPT - timedelta(seconds=1)
    assert level_on(desk.ada, app, desk.given) is Level.ADMIN
    desk.clock.now += timedelta(seconds=1)
    assert level_on(desk.ada, app, desk.given) is Level.NONE


def test_members_are_known_for_a_minute(desk: Desk) -> None:
    assert not is_member(desk.ada, desk.given)
    desk.host.members.add("ada")
    assert not is_member(desk.ada, desk.given)
    desk.clock.now += FRESH
    assert is_member(desk.ada, desk.given)


def test_whoever_was_never_let_do_anything_hears_of_no_trouble_in_looking(desk: Desk) -> None:
    for error in (AWAY, RateLimited("slow down", retry_at=at(60)), RemoteForbidden("no")):
        desk.host.fail_next(error, call="level")
        assert desk.level() is Level.NONE
    desk.is_full = True
    assert desk.level() is Level.NONE
    desk.is_full = False
    desk.let(Level.READ)
    assert desk.level() is Level.READ, "it was no answer that counts"


def test_whoever_was_seen_to_be_let_do_nothing_hears_of_none_either(desk: Desk) -> None:
    assert desk.level() is Level.NONE
    desk.clock.now += KEPT
    desk.host.fail_next(AWAY, call="level")
    assert desk.level() is Level.NONE


# -------------------- repositories that are out of reach


def test_a_repository_of_the_same_name_is_another_one(desk: Desk) -> None:
    del desk.host.repositories[SHOP.repository_name]
    other = replace(a_repository(1), id=4711)
    desk.host.repositories[SHOP.repository_name] = FakeRepository(other, levels={"ada": Level.ADMIN})
    assert desk.level() is Level.NONE


def detached(desk: Desk, level: Level, *, is_member: bool = True) -> App:
    """Have a repository deleted in which somebody was just seen to be let do something."""
    desk.let(level)
    assert desk.level() is level
    del desk.host.repositories[SHOP.repository_name]
    if is_member:
        desk.host.members.add("ada")
    app = replace(SHOP, status=AppStatus.DETACHED)
    with desk.records.begin() as tx:
        tx.apps.save(app)
    desk.clock.now += FRESH
    return app


def test_what_was_seen_last_counts_for_a_week_when_the_repository_is_gone(desk: Desk) -> None:
    app = detached(desk, Level.ADMIN)
    assert level_on(desk.ada, app, desk.given) is Level.ADMIN
    desk.clock.now = at(0) + OUTLIVED - timedelta(seconds=1)
    assert level_on(desk.ada, app, desk.given) is Level.ADMIN
    desk.clock.now += timedelta(seconds=1)
    assert level_on(desk.ada, app, desk.given) is Level.NONE


def test_of_a_repository_that_is_gone_nobody_asks(desk: Desk) -> None:
    app = detached(desk, Level.WRITE)
    asked = len(desk.host.faults.calls)
    for _ in range(3):
        assert level_on(desk.ada, app, desk.given) is Level.WRITE
    assert desk.host.faults.calls[asked:] == ["is_member"]


def test_whoever_makes_a_repository_of_the_name_of_one_that_is_gone_gets_nothing(desk: Desk) -> None:
    app = detached(desk, Level.READ)
    desk.host.repositories[SHOP.repository_name] = FakeRepository(replace(a_repository(1), id=4711))
    desk.let(Level.ADMIN)
    assert level_on(desk.ada, app, desk.given) is Level.READ


def test_whoever_leaves_the_organisation_loses_what_is_out_of_reach_within_a_minute(desk: Desk) -> None:
    app = detached(desk, Level.ADMIN)
    assert level_on(desk.ada, app, desk.given) is Level.ADMIN
    desk.host.members.clear()
    desk.clock.now += FRESH
    assert level_on(desk.ada, app, desk.given) is Level.NONE
    assert desk.listed() == []
    desk.host.members.add("ada")
    desk.clock.now += LISTED
    assert level_on(desk.ada, app, desk.given) is Level.NONE, "a list has forgotten it"


def test_who_belongs_is_asked_of_nobody_but_who_was_seen(desk: Desk) -> None:
    app = replace(SHOP, status=AppStatus.DETACHED)
    assert (level_on(desk.ada, app, desk.given), desk.looks) == (Level.NONE, 0)


def test_before_we_hear_that_it_is_gone_nobody_may_do_anything_by_its_name(desk: Desk) -> None:
    app = detached(desk, Level.ADMIN)
    looks = desk.looks
    assert (desk.level(), desk.level(), desk.looks) == (Level.NONE, Level.NONE, looks + 1)
    assert level_on(desk.ada, app, desk.given) is Level.ADMIN, "what was seen is not written over"


def test_what_was_seen_of_it_before_counts_no_more_while_nobody_can_look(desk: Desk) -> None:
    detached(desk, Level.ADMIN)
    assert desk.level() is Level.NONE
    desk.is_full = True
    desk.clock.now += FRESH
    assert desk.level() is Level.NONE


def test_when_it_is_back_it_is_what_the_code_host_says(desk: Desk) -> None:
    app = detached(desk, Level.ADMIN)
    assert desk.level() is Level.NONE
    desk.host.repositories[SHOP.repository_name] = FakeRepository(a_repository(1))
    desk.let(Level.READ)
    desk.clock.now += FRESH
    assert desk.level() is Level.READ
    assert level_on(desk.ada, app, desk.given) is Level.READ


def test_how_a_detached_app_is_deleted_is_seen_by_who_had_it_deleted(desk: Desk) -> None:
    app = detached(desk, Level.ADMIN)
    desk.clock.now += KEPT
    assert level_on(desk.ada, replace(app, status=AppStatus.DELETING), desk.given) is Level.ADMIN


def test_while_nobody_can_look_who_belongs_it_is_later_for_who_was_seen(desk: Desk) -> None:
    app = detached(desk, Level.ADMIN)
    desk.host.fail_next(AWAY, call="is_member")
    with pytest.raises(RemoteUnavailable):
        level_on(desk.ada, app, desk.given)


def test_a_list_shows_members_what_is_out_of_reach_for_a_week(desk: Desk) -> None:
    detached(desk, Level.READ)
    assert desk.listed() == [SHOP.name]
    desk.clock.now = at(0) + OUTLIVED
    assert desk.listed() == []


def test_a_list_shows_nobody_else_what_is_out_of_reach(desk: Desk) -> None:
    detached(desk, Level.ADMIN, is_member=False)
    assert desk.listed() == []


def test_who_belongs_is_asked_for_a_list_only_when_something_is_out_of_reach(desk: Desk) -> None:
    desk.let(Level.READ)
    assert desk.listed() == [SHOP.name]
    assert desk.host.faults.calls == ["own"]


def test_whoever_owns_by_now_what_went_elsewhere_gets_nothing_by_a_list(desk: Desk) -> None:
    app = replace(SHOP, status=AppStatus.DETACHED)
    with desk.records.begin() as tx:
        tx.apps.save(app)
    desk.host.members.add("ada")
    desk.let(Level.ADMIN)
    assert desk.listed() == []
    assert level_on(desk.ada, app, desk.given) is Level.NONE


# -------------------- lists


def test_a_list_is_of_what_the_person_may_see_and_made_again_after_five_minutes(desk: Desk) -> None:
    desk.let(Level.READ)
    assert desk.listed() == ["app-1"]
    desk.let(Level.NONE)
    desk.clock.now += LISTED - timedelta(seconds=1)
    assert (desk.listed(), desk.looks) == (["app-1"], 1)
    desk.clock.now += timedelta(seconds=1)
    assert desk.listed() == []


def test_an_empty_list_is_made_again_after_a_minute(desk: Desk) -> None:
    assert desk.listed() == []
    desk.let(Level.READ)
    desk.clock.now += FRESH - timedelta(seconds=1)
    assert (desk.listed(), desk.looks) == ([], 1)
    desk.clock.now += timedelta(seconds=1)
    assert (desk.listed(), desk.looks) == (["app-1"], 2)


def test_an_empty_list_stays_empty_while_nobody_can_look(desk: Desk) -> None:
    assert desk.listed() == []
    desk.let(Level.READ)
    desk.clock.now += FRESH
    desk.host.fail_next(AWAY, call="own")
    assert desk.listed() == []
    assert desk.listed() == ["app-1"]


def test_a_list_of_ten_minutes_ago_is_shown_while_the_host_is_away_and_no_older_one(desk: Desk) -> None:
    desk.let(Level.READ)
    desk.listed()
    desk.host.fail_next(AWAY, call="own", times=2)
    desk.clock.now += KEPT - timedelta(seconds=1)
    assert desk.listed() == ["app-1"]
    desk.clock.now += timedelta(seconds=1)
    with pytest.raises(RemoteUnavailable):
        desk.listed()


def test_whose_sign_in_ended_is_asked_to_sign_in_again(desk: Desk) -> None:
    desk.host.bearers.clear()
    with pytest.raises(Unauthenticated) as refused:
        desk.listed()
    assert refused.value.error_code == "person:sign-in-again"
    with desk.records.begin() as tx:
        tx.people.save(replace(desk.person(), access=None))
    with pytest.raises(Unauthenticated):
        desk.listed()


def test_a_list_forgets_no_app_that_has_no_repository_yet(desk: Desk) -> None:
    with desk.records.begin() as tx:
        tx.apps.add(an_app(2))
        tx.rights.save(Right(desk.ada.id, "app_0002", Level.ADMIN, at(0)))
        tx.rights.save(Right(desk.ada.id, "app_0001", Level.ADMIN, at(0)))
    assert desk.listed() == ["app-2"]
