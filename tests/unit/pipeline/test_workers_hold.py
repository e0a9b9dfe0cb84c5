"""Whoever takes longer than a hold lasts changes nothing in the end: what is recorded is what answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from app.domain.jobs import JobType
from app.domain.workers import LEASE
from app.errors import Conflict, NotFound, RemoteUnavailable, Unprocessable
from app.pipeline.workers_change import delete_worker, restore_worker
from app.pipeline.workers_hold import give_back
from app.pipeline.workers_settle import settle
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.workshop import BYE, HELLO, PRODUCTION, FakeWorkshop

TOO_LONG = LEASE.total_seconds() + 1
LATE = "export function late() {}"
AWAY = RemoteUnavailable("Cloudflare does not answer")

Act = Callable[[FakeWorkshop], object]
Moment = Callable[[FakeWorkshop, Act], None]


@pytest.fixture
def shop() -> FakeWorkshop:
    shop = FakeWorkshop()
    shop.create(HELLO)
    return shop


# ------------------------------------------------------------------------------------------------- moments


def when_it_was_asked(shop: FakeWorkshop, act: Act) -> None:
    """Act when the next version has told its functions."""
    ask = shop.endpoints.functions

    def take_long(script: str, key: str | None, *, patiently: bool = True) -> Any:
        shop.endpoints.functions = ask  # type: ignore[method-assign]
        names = ask(script, key, patiently=patiently)
        act(shop)
        return names

    shop.endpoints.functions = take_long  # type: ignore[method-assign]


def when_its_address_goes_up(shop: FakeWorkshop, act: Act) -> None:
    """Act when the worker's script is on its way, and not there yet."""
    when_put(shop, shop.worker().script, act)


def when_put(shop: FakeWorkshop, script: str, act: Act) -> None:
    around = shop.scripts.around_put

    @contextmanager
    def take_long(name: str) -> Iterator[None]:
        if name == script:
            shop.scripts.around_put = around
            act(shop)
        yield

    shop.scripts.around_put = take_long


# ---------------------------------------------------------------------------------------------------- acts


def another_deploys(shop: FakeWorkshop) -> None:
    shop.clock.advance(TOO_LONG)
    shop.update(BYE)


def it_is_given_up(shop: FakeWorkshop) -> None:
    shop.let_pass(TOO_LONG)


def it_is_given_up_and_another_deploys(shop: FakeWorkshop) -> None:
    shop.let_pass(TOO_LONG)
    shop.update(BYE)


OTHERS = [another_deploys, it_is_given_up_and_another_deploys]


def assert_in_line(shop: FakeWorkshop, code: str) -> None:
    """Check that `code` answers, and that nothing stands that is not recorded."""
    own = {it.own_script for it in shop.versions if it.has_own_address}
    assert shop.shows(shop.worker().script) == code
    assert shop.up == {shop.worker().script, *own}
    assert shop.worker().is_settled
    assert shop.worker().holder is None


# ------------------------------------------------------------------------------------------------ deploying


@pytest.mark.parametrize("moment", [when_it_was_asked, when_its_address_goes_up])
@pytest.mark.parametrize("act", [*OTHERS, it_is_given_up])
def test_a_version_that_took_too_long_does_not_answer_in_the_end(
    shop: FakeWorkshop, moment: Moment, act: Act
) -> None:
    moment(shop, act)
    with pytest.raises(Conflict) as refused:
        shop.update(LATE)
    assert refused.value.error_code == "worker:overtaken"
    assert not shop.worker().is_settled
    shop.run_jobs()
    assert_in_line(shop, HELLO if act is it_is_given_up else BYE)


@pytest.mark.parametrize("act", [*OTHERS, it_is_given_up])
def test_who_was_overtaken_does_not_go_on_to_the_workers_address(shop: FakeWorkshop, act: Act) -> None:
    when_it_was_asked(shop, act)
    with pytest.raises(Conflict):
        shop.update(LATE)
    assert shop.shows(shop.worker().script) == (HELLO if act is it_is_given_up else BYE)


def test_a_hold_is_renewed_before_the_workers_address_goes_up(shop: FakeWorkshop) -> None:
    almost = TOO_LONG - 2
    when_it_was_asked(shop, lambda shop: shop.clock.advance(almost))
    when_its_address_goes_up(shop, lambda shop: shop.let_pass(almost))
    shop.update(BYE)
    assert_in_line(shop, BYE)


def test_what_comes_late_while_another_deploys_is_overwritten(shop: FakeWorkshop) -> None:
    """The other says that all is well when it is done, and does not know what came after its own."""
    worker, put = shop.worker(), shop.scripts.put
    late = shop.create(LATE, name="other").version
    upload = shop.scripts.uploads[PRODUCTION, late.own_script]

    def come_late(namespace: str, script: str, given: Any) -> Any:
        answer = put(namespace, script, given)
        if script == worker.script:
            shop.scripts.put = put  # type: ignore[method-assign]
            put(namespace, script, upload)
            with shop.records.begin() as tx:
                give_back(tx, worker, "ver_late")
        return answer

    shop.scripts.put = come_late  # type: ignore[assignment]
    shop.update(BYE)
    assert shop.worker().is_settled
    assert shop.shows(worker.script) == LATE
    shop.run_jobs()
    assert shop.shows(worker.script) == BYE


def test_what_a_process_left_behind_goes_when_another_deploys_before_anybody_noticed(
    shop: FakeWorkshop,
) -> None:
    def die(_shop: FakeWorkshop) -> None:
        raise Crashed("out of memory")

    when_it_was_asked(shop, die)
    with suppress(Crashed):
        shop.update(LATE)
    another_deploys(shop)
    shop.run_jobs()
    assert_in_line(shop, BYE)


def test_a_worker_that_another_makes_stays_when_its_first_author_is_refused() -> None:
    shop = FakeWorkshop()

    def another_makes_it(shop: FakeWorkshop) -> None:
        shop.clock.advance(TOO_LONG)
        with shop.records.begin() as tx:
            tx.workers.save(shop.worker().held("ver_other", shop.clock()))

    when_it_was_asked(shop, another_makes_it)
    with pytest.raises(Unprocessable):
        shop.create("export const x = 1")
    assert shop.worker().holder == "ver_other"


# ------------------------------------------------------------------------------------------------ restoring


@pytest.mark.parametrize("act", OTHERS)
@pytest.mark.parametrize("is_last", [False, True])
def test_a_restoring_that_took_too_long_does_not_answer_in_the_end(
    shop: FakeWorkshop, act: Act, *, is_last: bool
) -> None:
    version, worker = shop.versions[0], shop.worker()
    shop.let_pass(8 * 86400)
    when_put(shop, worker.script if is_last else version.own_script, act)
    with pytest.raises(Conflict):
        restore_worker("shop", actor="ada", to=shop.to)
    if not is_last:
        assert shop.shows(worker.script) == BYE
    shop.run_jobs()
    assert_in_line(shop, BYE)


def test_a_worker_that_is_deleted_while_it_comes_back_leaves_nothing(shop: FakeWorkshop) -> None:
    own = shop.versions[0].own_script
    shop.let_pass(8 * 86400)

    def be_deleted(shop: FakeWorkshop) -> None:
        shop.clock.advance(TOO_LONG)
        delete_worker("shop", actor="ada", to=shop.to)
        shop.run_jobs()

    when_put(shop, own, be_deleted)
    with pytest.raises(NotFound):
        restore_worker("shop", actor="ada", to=shop.to)
    shop.run_jobs()
    assert not shop.up


# ------------------------------------------------------------------------------------------------- settling


def settle_in_doubt(shop: FakeWorkshop) -> None:
    """Run a job that finds the worker's address in doubt."""
    with shop.records.begin() as tx:
        worker = tx.workers.get("shop")
        tx.workers.save(worker.held("ver_gone", shop.clock()).freed())
        arguments = {"slug": worker.slug, "namespace": worker.namespace}
        job = tx.jobs.enqueue(JobType.SETTLE, worker.id, arguments)
    shop.records.queue.remove(job)
    settle(job, FakeSteps(), shop.to)


@pytest.mark.parametrize("act", OTHERS)
def test_a_settling_that_took_too_long_is_done_again(shop: FakeWorkshop, act: Act) -> None:
    when_its_address_goes_up(shop, act)
    settle_in_doubt(shop)
    assert shop.shows(shop.worker().script) == HELLO
    shop.run_jobs()
    assert_in_line(shop, BYE)


@pytest.mark.parametrize("act", OTHERS)
def test_a_settling_that_was_overtaken_does_not_go_on_to_the_workers_address(
    shop: FakeWorkshop, act: Act
) -> None:
    look = shop.scripts.tags

    def take_long(namespace: str, script: str) -> Any:
        shop.scripts.tags = look  # type: ignore[method-assign]
        act(shop)
        return look(namespace, script)

    shop.scripts.tags = take_long  # type: ignore[method-assign]
    settle_in_doubt(shop)
    assert shop.shows(shop.worker().script) == BYE
    shop.run_jobs()
    assert_in_line(shop, BYE)


@pytest.mark.parametrize("act", OTHERS)
def test_a_settling_without_an_answer_that_was_overtaken_is_done_again(shop: FakeWorkshop, act: Act) -> None:
    when_its_address_goes_up(shop, act)
    shop.scripts.fail_next(AWAY, call="put", is_late=True)
    settle_in_doubt(shop)
    shop.run_jobs()
    assert_in_line(shop, BYE)
