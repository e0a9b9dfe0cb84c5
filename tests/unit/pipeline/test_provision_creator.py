"""Whoever asks for an app sees it at once, and administers its repository before that decides who sees it."""

import pytest

from app.domain.callers import Person
from app.domain.rights import Level
from app.errors import RemoteMissing, RemoteUnavailable
from app.pipeline.provision import Order, provision, request_app
from tests.builders import at
from tests.fakes.code_host_people import sign_up
from tests.fakes.jobs import FakeSteps
from tests.unit.pipeline.world import World

ADA = Person("per_ada", 7, "ada", None, None, at(0), at(0))
NAME = "acme/shop"


@pytest.fixture
def world() -> World:
    world = World()
    sign_up(world.host, "ada", 7)
    return world


def request(world: World, creator: Person | None = ADA) -> str:
    with world.records.begin() as tx:
        app, _ = request_app(
            tx, Order("shop"), at=world.clock(), entropy=world.entropy, actor="person:ada", creator=creator
        )
    return app.id


def test_an_app_is_its_creators_before_it_has_a_repository(world: World) -> None:
    app_id = request(world)
    with world.records.read() as tx:
        right = tx.rights.get("per_ada", app_id)
        assert tx.events.about(app_id)[0].actor == "person:ada"
    assert right is not None
    assert right.level is Level.ADMIN


def test_its_creator_administers_the_repository_before_anybody_is_told_of_it(world: World) -> None:
    request(world)
    steps = FakeSteps()
    provision(world.new_jobs()[-1], steps, world.provisioner())
    assert world.host.repository(NAME).levels == {"ada": Level.ADMIN}
    names = list(steps.names)
    assert names.index("wait for repository") < names.index("invite ada") < names.index("keep repository")


def test_who_is_nobodys_account_is_not_invited(world: World) -> None:
    request(world, creator=None)
    provision(world.new_jobs()[-1], FakeSteps(), world.provisioner())
    assert world.host.repository(NAME).levels == {}


def test_an_invitation_whose_answer_was_lost_is_sent_once(world: World) -> None:
    request(world, creator=None)
    provision(world.new_jobs()[-1], FakeSteps(), world.provisioner())
    usual = world.host.writes[NAME]
    world = World()
    sign_up(world.host, "ada", 7)
    request(world)
    world.host.fail_next(RemoteUnavailable("the answer is lost"), call="invite", is_late=True)
    provision(world.new_jobs()[-1], FakeSteps(), world.provisioner())
    assert world.host.faults.calls.count("invite") == 2
    assert world.host.writes[NAME] == usual + 1


def test_whoever_has_no_account_any_more_is_told_of(world: World) -> None:
    request(world)
    del world.host.accounts["ada"]
    with pytest.raises(RemoteMissing, match="inviting ada"):
        provision(world.new_jobs()[-1], FakeSteps(), world.provisioner())
