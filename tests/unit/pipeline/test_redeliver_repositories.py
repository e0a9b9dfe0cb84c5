"""Where each repository has a webhook of its own, each list has its turn and none keeps another back."""

import pytest

from app.domain.apps import AppStatus
from app.errors import RemoteMissing, RemoteUnavailable
from app.pipeline.redeliver import Outcome, redeliver_repository, sweep
from app.ports.redelivery import Hook, SentPage
from tests.fakes.code_host import FakeWebhook
from tests.unit.pipeline.redelivering import URL, World


@pytest.fixture
def world() -> World:
    return World()


def test_a_few_apps_have_their_turn_in_each_pass() -> None:
    world = World(has_own_hook=False)
    hooks = [world.app(number) for number in range(1, 13)]
    world.answer = 500
    for number, hook in enumerate(hooks):
        world.send(f"a{number}", hook=hook)
    world.answer = None
    first = world.sweep()
    assert (first.pages, first.missed, first.asked) == (5, 5, 5)
    assert world.host.faults.calls.count("sent") == 5
    world.sweep(times=2)
    assert len(world.kept()) == 12
    assert world.repositories.faults.calls.count("webhook") == 12
    world.sweep(times=3)
    assert world.repositories.faults.calls.count("webhook") == 12  # whose webhook it is, is known by then


def test_an_app_whose_list_is_never_shown_keeps_no_other_back() -> None:
    world = World(has_own_hook=False)
    hooks = [world.app(number) for number in range(1, 4)]
    world.answer = 500
    for number, hook in enumerate(hooks):
        world.send(f"a{number}", hook=hook)
    world.answer = None
    sent = world.host.sent

    def sent_but_for_one(hook: Hook, cursor: str | None = None) -> SentPage:
        if hook == hooks[-1]:  # the newest has its turn first
            raise RemoteUnavailable("GitHub failed")
        return sent(hook, cursor)

    world.host.sent = sent_but_for_one  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(RemoteUnavailable):
            sweep(world.to)
        world.clock.advance(61)
    assert world.kept() == ["a0", "a1"]


def test_one_app_is_looked_at_at_once_when_that_is_wanted() -> None:
    world = World(has_own_hook=False)
    other, hook = world.app(1), world.app(2)
    world.answer = 500
    world.send("a", hook=hook)
    world.send("b", hook=other)
    world.answer = None
    with world.records.read() as tx:
        app = tx.apps.get("app_0002")
    found = redeliver_repository(app, world.to)
    assert (found.pages, found.missed, found.asked) == (1, 1, 1)
    assert world.kept() == ["a"]
    assert redeliver_repository(app, world.to).recovered == 1


def test_where_one_webhook_hears_of_all_there_is_none_to_look_at(world: World) -> None:
    world.app(1)
    with world.records.read() as tx:
        assert redeliver_repository(tx.apps.get("app_0001"), world.to) == Outcome()
    assert world.host.faults.calls == []


def test_an_app_without_a_webhook_or_a_repository_keeps_nobody_back() -> None:
    world = World(has_own_hook=False)
    world.app(1, status=AppStatus.DETACHED)
    world.app(2)
    world.repositories.repository("acme/app-2").webhooks.clear()
    world.app(3)
    del world.repositories.repositories["acme/app-3"]
    hook = world.app(4)
    world.answer = 500
    world.send("a", hook=hook)
    world.answer = None
    found = world.sweep()
    assert (found.pages, found.asked) == (1, 1)
    assert found.refused == ["looking for acme/app-3: not found"]


def test_a_webhook_that_was_made_anew_is_found_again() -> None:
    world = World(has_own_hook=False)
    hook = world.app(1)
    world.sweep()
    del world.host.lists[hook]
    world.repositories.repository("acme/app-1").webhooks[URL] = FakeWebhook("secret", ("push",), id=77)
    new = Hook("acme/app-1", 77)
    world.host.lists[new] = []
    world.answer = 500
    world.send("a", hook=new)
    world.answer = None
    assert "not found" in world.sweep().refused[0]
    world.sweep()
    assert world.kept() == ["a"]


def test_a_missing_delivery_is_an_error_of_the_app_alone() -> None:
    world = World(has_own_hook=False)
    for number in (1, 2):
        world.send(f"a{number}", hook=world.app(number))
    world.host.faults.fail_next(RemoteMissing("gone"), call="sent")
    found = world.sweep()
    assert found.refused == ["gone"]
    assert found.pages == 1
