"""Workers are kept, expire, come back and go, and jobs that are repeated or interrupted end alike."""

from dataclasses import replace

import pytest

from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.workers import LEASE, Calls, Options, WorkerStatus
from app.errors import Busy, Conflict, Gone, NotFound, RemoteRefused, RemoteUnavailable, ScriptRefused
from app.pipeline.workers_change import delete_worker, keep_worker, restore_worker
from app.pipeline.workers_expire import sweep_workers
from app.pipeline.workers_settle import settle
from app.ports import Upload
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.workshop import BYE, HELLO, PRODUCTION, FakeWorkshop

DAY = 86400
AWAY = RemoteUnavailable("Cloudflare does not answer")


@pytest.fixture
def shop() -> FakeWorkshop:
    return FakeWorkshop()


def keep(shop: FakeWorkshop, *, is_kept: bool = True) -> None:
    with shop.records.begin() as tx:
        keep_worker(tx, "shop", is_kept=is_kept, actor="ada", at=shop.clock(), to=shop.to)


def delete(shop: FakeWorkshop) -> None:
    delete_worker("shop", actor="ada", to=shop.to)


def test_a_worker_expires_with_all_its_addresses_seven_days_after_its_last_version(
    shop: FakeWorkshop,
) -> None:
    shop.create()
    shop.let_pass(6 * DAY)
    shop.update()
    shop.let_pass(6.9 * DAY)
    assert len(shop.up) == 3
    shop.let_pass(0.2 * DAY)
    assert not shop.up
    assert shop.worker().status is WorkerStatus.EXPIRED
    assert shop.tags()[-1] is Tag.WORKER_EXPIRED
    shop.let_pass(DAY)
    assert shop.tags().count(Tag.WORKER_EXPIRED) == 1


def test_a_worker_that_is_kept_does_not_expire_until_it_is_let_go(shop: FakeWorkshop) -> None:
    shop.create()
    keep(shop)
    keep(shop)
    assert shop.worker().expires_at is None
    shop.let_pass(100 * DAY)
    assert shop.up
    shop.update()
    assert shop.worker().is_kept
    keep(shop, is_kept=False)
    shop.let_pass(6.9 * DAY)
    assert shop.up
    shop.let_pass(0.2 * DAY)
    assert not shop.up
    assert shop.tags().count(Tag.WORKER_KEPT) == 2


def test_what_has_expired_is_restored_before_it_is_kept(shop: FakeWorkshop) -> None:
    shop.create()
    shop.let_pass(8 * DAY)
    with pytest.raises(Gone) as refused:
        keep(shop)
    assert refused.value.error_code == "worker:expired"
    restored = restore_worker("shop", actor="ada", to=shop.to)
    assert restored.status is WorkerStatus.READY
    assert restored == shop.worker()
    keep(shop)


def test_a_restored_worker_answers_at_all_its_addresses(shop: FakeWorkshop) -> None:
    made = shop.create(options=Options(has_invoke_key=True))
    second = shop.update()
    before = shop.up
    shop.let_pass(8 * DAY)
    restore_worker("shop", actor="ada", to=shop.to)
    assert shop.up == before - {made.version.own_script}
    shop.run_jobs()
    assert shop.up == before
    assert shop.shows(made.worker.script) == shop.shows(second.version.own_script) == BYE
    bindings = shop.scripts.uploads[PRODUCTION, made.version.own_script].bindings
    assert made.key in {it["text"] for it in bindings}
    assert shop.worker().is_settled
    assert restore_worker("shop", actor="ada", to=shop.to) == shop.worker()


def test_a_new_version_brings_an_expired_worker_back(shop: FakeWorkshop) -> None:
    made = shop.create()
    shop.let_pass(8 * DAY)
    shop.update()
    shop.run_jobs()
    assert shop.worker().status is WorkerStatus.READY
    assert len(shop.up) == 3
    assert made.version.own_script in shop.up


def test_a_worker_that_cannot_be_restored_stays_expired(shop: FakeWorkshop) -> None:
    shop.create()
    shop.let_pass(8 * DAY)
    shop.scripts.fail_next(AWAY, call="put", is_late=True)
    with pytest.raises(RemoteUnavailable):
        restore_worker("shop", actor="ada", to=shop.to)
    shop.run_jobs()
    assert not shop.up
    assert shop.worker().status is WorkerStatus.EXPIRED
    assert shop.worker().holder is None


def test_what_never_went_up_is_not_restored(shop: FakeWorkshop) -> None:
    shop.scripts.fail_next(AWAY, call="put")
    with pytest.raises(RemoteUnavailable):
        shop.create()
    with shop.records.begin() as tx:
        tx.workers.save(replace(tx.workers.get("shop"), expired_at=shop.clock()))
    with pytest.raises(Conflict) as refused:
        restore_worker("shop", actor="ada", to=shop.to)
    assert refused.value.error_code == "worker:no-version"


def test_a_deleted_worker_is_gone_at_once_and_its_scripts_soon(shop: FakeWorkshop) -> None:
    made = shop.create(options=Options(has_invoke_key=True))
    with shop.records.begin() as tx:
        tx.calls.add(made.worker.id, {"hello": Calls(1, 0, shop.clock())})
    delete(shop)
    with pytest.raises(NotFound):
        shop.worker()
    again = shop.create(BYE)
    assert again.worker.slug != made.worker.slug
    shop.run_jobs()
    assert shop.up == {again.worker.script, again.version.own_script}
    with shop.records.begin() as tx:
        assert not tx.variables.of(made.worker.id, made.worker.environment)
        assert not tx.calls.of([made.worker.id])
        assert not tx.versions.of(made.worker.id)
        tx.workers.add(replace(again.worker, id="wrk_x", name="x", slug=made.worker.slug))


def test_a_worker_is_not_deleted_under_the_hands_of_who_puts_it_up(shop: FakeWorkshop) -> None:
    made = shop.create()
    with shop.records.begin() as tx:
        tx.workers.save(made.worker.held("ver_other", shop.clock()))
    with pytest.raises(Busy):
        delete(shop)
    shop.let_pass(8 * DAY)
    hold(shop)
    with pytest.raises(Busy):
        restore_worker("shop", actor="ada", to=shop.to)


def hold(shop: FakeWorkshop) -> None:
    with shop.records.begin() as tx:
        tx.workers.save(tx.workers.get("shop").held("ver_other", shop.clock()))


def test_a_sweep_leaves_alone_what_somebody_is_putting_up(shop: FakeWorkshop) -> None:
    shop.create()
    shop.clock.advance(8 * DAY)
    hold(shop)
    assert sweep_workers(shop.records, shop.clock()) == 1
    assert shop.worker().expired_at is None
    shop.let_pass(LEASE.total_seconds())
    assert shop.worker().expired_at is not None
    assert not shop.up


def test_a_worker_whose_process_ended_in_the_middle_says_so(shop: FakeWorkshop) -> None:
    worker = shop.create().worker
    with shop.records.begin() as tx:
        dead = replace(worker.held("ver_dead", shop.clock()), version_id=None)
        tx.workers.save(dead)
    assert shop.worker().status is WorkerStatus.CREATING
    shop.let_pass(LEASE.total_seconds())
    assert shop.worker().status is WorkerStatus.ERROR
    assert shop.worker().holder is None


@pytest.mark.parametrize("steps", [FakeSteps(crash_before=1), FakeSteps(crash_after=1)])
def test_a_settling_that_crashes_is_done_again(shop: FakeWorkshop, steps: FakeSteps) -> None:
    shop.create()
    shop.clock.advance(8 * DAY)
    sweep_workers(shop.records, shop.clock())
    (job,) = shop.records.queue
    with pytest.raises(Crashed):
        settle(job, steps, shop.to)
    steps.restart()
    settle(job, steps, shop.to)
    assert not shop.up
    assert shop.worker().is_settled


def test_a_settling_waits_for_its_turn(shop: FakeWorkshop) -> None:
    shop.create()
    hold(shop)
    with shop.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.SETTLE, shop.worker().id, {"slug": "x", "namespace": PRODUCTION})
    steps = FakeSteps()
    with pytest.raises(RemoteRefused) as refused:
        settle(job, steps, shop.to)
    assert refused.value.error_code == "worker:no-turn"
    assert sum(steps.slept) > LEASE.total_seconds()


def test_a_settling_that_is_refused_gives_the_worker_free(shop: FakeWorkshop) -> None:
    made = shop.create()
    with shop.records.begin() as tx:
        tx.workers.save(replace(made.worker, is_settled=False))
        job = tx.jobs.enqueue(JobType.SETTLE, made.worker.id, {"slug": "x", "namespace": PRODUCTION})
    shop.scripts.fail_next(ScriptRefused("no"), call="put")
    with pytest.raises(ScriptRefused):
        settle(job, FakeSteps(), shop.to)
    assert shop.worker().holder is None
    assert not shop.worker().is_settled
    settle(job, FakeSteps(), shop.to)
    assert shop.worker().is_settled
    assert shop.shows(made.worker.script) == HELLO


def test_what_is_asked_for_while_a_worker_is_settled_is_done_too(shop: FakeWorkshop) -> None:
    made = shop.create()
    with shop.records.begin() as tx:
        tx.workers.save(replace(made.worker, is_settled=False))
        job = tx.jobs.enqueue(JobType.SETTLE, made.worker.id, {"slug": "x", "namespace": PRODUCTION})
    put = shop.scripts.put

    def expire_meanwhile(namespace: str, script: str, upload: Upload) -> None:
        put(namespace, script, upload)
        with shop.records.begin() as tx:
            tx.workers.save(replace(tx.workers.get("shop"), expired_at=shop.clock()))

    shop.scripts.put = expire_meanwhile  # type: ignore[method-assign]
    settle(job, FakeSteps(), shop.to)
    assert not shop.up


def test_scripts_of_others_stay(shop: FakeWorkshop) -> None:
    made = shop.create()
    shop.scripts.upload(PRODUCTION, made.version.own_script, ["app-other"])
    with shop.records.begin() as tx:
        tx.versions.save(replace(made.version, retired_at=shop.clock()))
        job = tx.jobs.enqueue(JobType.SETTLE, made.worker.id, {"slug": "x", "namespace": PRODUCTION})
    settle(job, FakeSteps(), shop.to)
    assert made.version.own_script in shop.up
