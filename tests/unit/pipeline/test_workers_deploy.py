"""Workers go up version by version, and whatever goes wrong leaves live what was live."""

from typing import Any

import pytest

from app.domain.events import Tag
from app.domain.workers import LEASE, WorkerStatus
from app.errors import (
    BranchlineError,
    Busy,
    Conflict,
    InvalidInput,
    NotFound,
    RemoteUnavailable,
    ScriptRefused,
    TooLarge,
    Unprocessable,
)
from app.pipeline.workers_sources import read_sources
from tests.unit.pipeline.workshop import BYE, HELLO, PRODUCTION, FakeWorkshop

REFUSED = ScriptRefused("putting x up in y: Uncaught Error: boom (10021)", status=400, codes=[10021])
AWAY = RemoteUnavailable("Cloudflare does not answer")


@pytest.fixture
def shop() -> FakeWorkshop:
    return FakeWorkshop()


def test_a_worker_answers_at_two_addresses_when_it_is_made(shop: FakeWorkshop) -> None:
    made = shop.create()
    assert made.worker == shop.worker()
    assert made.worker.status is WorkerStatus.READY
    assert made.version.functions == ("hello",)
    assert shop.up == {made.worker.slug, made.version.own_script}
    assert shop.shows(made.worker.script) == shop.shows(made.version.own_script) == HELLO
    assert made.worker.is_settled
    assert made.worker.holder is None
    assert made.worker.expires_at == shop.clock.advance(7 * 86400)
    assert shop.tags() == [Tag.WORKER_DEPLOYED]
    assert not shop.records.queue


def test_it_is_asked_for_its_functions_before_it_goes_live(shop: FakeWorkshop) -> None:
    made = shop.create()
    assert shop.endpoints.asked == [(made.version.own_script, None)]
    assert shop.scripts.faults.calls == ["put", "ensure_namespace", "put", "put"]


def test_what_is_put_up_is_three_kinds_of_modules_and_no_text_of_ours_in_the_authors(
    shop: FakeWorkshop,
) -> None:
    made = shop.create()
    upload = shop.scripts.uploads[PRODUCTION, made.worker.script]
    names = {module.name for module in upload.bundle.modules}
    assert names == {"index.js", "functions.js", "functions_runtime/index.js"}
    assert upload.bundle.main_module == "index.js"
    assert "deployment-" + made.version.id in upload.tags
    assert {it["name"]: it["text"] for it in upload.bindings} == {
        "BRANCHLINE_ENVIRONMENT": "production",
        "BRANCHLINE_DEPLOYMENT": made.version.id,
    }


def test_a_new_version_goes_live_and_the_old_address_keeps_showing_the_old_one(shop: FakeWorkshop) -> None:
    first, second = shop.create(), shop.update()
    assert second.worker.id == first.worker.id
    assert second.version.number == 2
    assert shop.shows(first.version.own_script) == HELLO
    assert shop.shows(first.worker.script) == shop.shows(second.version.own_script) == BYE
    assert shop.worker().expires_at == shop.clock() + (first.worker.expires_at - first.worker.updated_at)  # type: ignore[operator]


def test_the_authors_files_are_kept_as_they_are(shop: FakeWorkshop) -> None:
    made = shop.create("export function hello() {} // größe\r\n")
    assert read_sources(made.version.source, shop.bundles) == {
        "index.ts": "export function hello() {} // größe\r\n".encode()
    }


@pytest.mark.parametrize("name", ["", "Shop", "a b", "-a", "a" * 51, "größe", "a/b", "shop\n"])
def test_a_worker_has_a_plain_name(shop: FakeWorkshop, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.create(name=name)
    assert refused.value.error_code == "worker:invalid-name"


def test_a_name_is_taken_once(shop: FakeWorkshop) -> None:
    shop.create()
    with pytest.raises(Conflict) as refused:
        shop.create(BYE)
    assert refused.value.error_code == "worker:name-taken"
    assert shop.shows(shop.worker().script) == HELLO


def test_an_unknown_worker_gets_no_version(shop: FakeWorkshop) -> None:
    with pytest.raises(NotFound):
        shop.update()


def refuse_syntax(shop: FakeWorkshop) -> str:
    del shop
    return "syntax error"


def refuse_no_exports(shop: FakeWorkshop) -> str:
    del shop
    return "const x = 1"


def refuse_no_functions(shop: FakeWorkshop) -> str:
    del shop
    return "export const x = 1"


def refuse_at_start(shop: FakeWorkshop) -> str:
    shop.scripts.fail_next(REFUSED, call="put")
    return BYE


def refuse_for_size(shop: FakeWorkshop) -> str:
    shop.scripts.fail_next(ScriptRefused("putting x up: too large", status=413, codes=[10027]), call="put")
    return BYE


def refuse_to_answer(shop: FakeWorkshop) -> str:
    shop.endpoints.fail_next(AWAY)
    return BYE


def refuse_first_put(shop: FakeWorkshop) -> str:
    shop.scripts.fail_next(AWAY, call="put")
    return BYE


AUTHORS: list[Any] = [
    (refuse_syntax, Unprocessable, "worker:compile-failed"),
    (refuse_no_exports, Unprocessable, "worker:no-functions"),
    (refuse_no_functions, Unprocessable, "worker:no-functions"),
    (refuse_at_start, Unprocessable, "worker:does-not-start"),
    (refuse_for_size, TooLarge, "worker:too-large"),
]
OTHERS: list[Any] = [
    (refuse_to_answer, RemoteUnavailable, "remote:unavailable"),
    (refuse_first_put, RemoteUnavailable, "remote:unavailable"),
]


@pytest.mark.parametrize(("prepare", "kind", "code"), AUTHORS + OTHERS)
def test_what_does_not_go_live_leaves_live_what_was(
    shop: FakeWorkshop, prepare: Any, kind: type[BranchlineError], code: str
) -> None:
    made = shop.create()
    with pytest.raises(kind) as refused:
        shop.update(prepare(shop))
    assert refused.value.error_code == code
    assert shop.shows(made.worker.script) == HELLO
    shop.run_jobs()
    assert shop.up == {made.worker.script, made.version.own_script}
    assert [version.id for version in shop.versions] == [made.version.id]
    assert shop.worker().is_settled
    assert shop.worker().error is None
    assert shop.update().version.functions == ("bye",)


@pytest.mark.parametrize(("prepare", "kind", "code"), AUTHORS)
def test_a_worker_that_its_author_has_to_change_was_never_made(
    shop: FakeWorkshop, prepare: Any, kind: type[BranchlineError], code: str
) -> None:
    with pytest.raises(kind) as refused:
        shop.create(prepare(shop))
    assert refused.value.error_code == code
    with pytest.raises(NotFound):
        shop.worker()
    made = shop.create()  # the name is free at once
    shop.run_jobs()
    assert shop.up == {made.worker.script, made.version.own_script}


@pytest.mark.parametrize(("prepare", "kind", "code"), OTHERS)
def test_a_worker_that_did_not_go_up_says_so_and_may_be_asked_for_again(
    shop: FakeWorkshop, prepare: Any, kind: type[BranchlineError], code: str
) -> None:
    del code
    with pytest.raises(kind):
        shop.create(prepare(shop))
    assert shop.worker().status is WorkerStatus.ERROR
    assert shop.worker().error == AWAY.message
    first = shop.worker().id
    shop.run_jobs()
    assert not shop.up
    assert shop.create().worker.id == first
    assert shop.worker().status is WorkerStatus.READY


def test_a_doubt_about_what_is_live_is_settled_by_what_is_recorded(shop: FakeWorkshop) -> None:
    made = shop.create()
    shop.scripts.fail_next(AWAY, call="put", is_late=True)  # the own address: it went up, nobody knows
    with pytest.raises(RemoteUnavailable):
        shop.update()
    shop.run_jobs()
    assert shop.up == {made.worker.script, made.version.own_script}


def test_code_that_went_live_without_an_answer_is_taken_back(shop: FakeWorkshop) -> None:
    made = shop.create()
    own = shop.scripts.put

    def lose_the_second_answer(namespace: str, script: str, upload: Any) -> None:
        own(namespace, script, upload)
        if script == made.worker.script:
            raise AWAY

    shop.scripts.put = lose_the_second_answer  # type: ignore[method-assign]
    with pytest.raises(RemoteUnavailable):
        shop.update()
    assert shop.shows(made.worker.script) == BYE
    assert not shop.worker().is_settled
    shop.scripts.put = own  # type: ignore[method-assign]
    shop.run_jobs()
    assert shop.shows(made.worker.script) == HELLO
    assert shop.worker().is_settled


def test_two_cannot_put_up_one_worker_at_a_time(shop: FakeWorkshop) -> None:
    made = shop.create()
    with shop.records.begin() as tx:
        tx.workers.save(made.worker.held("ver_other", shop.clock()))
    with pytest.raises(Busy) as refused:
        shop.update()
    assert refused.value.error_code == "worker:busy"
    assert 2 < sum(shop.paused) < 5
    shop.clock.advance(LEASE.total_seconds())
    assert shop.update().version.functions == ("bye",)


def test_who_comes_second_waits_a_little(shop: FakeWorkshop) -> None:
    made = shop.create()
    with shop.records.begin() as tx:
        tx.workers.save(made.worker.held("job_other", shop.clock()))

    def give_back() -> None:
        with shop.records.begin() as tx:
            tx.workers.save(made.worker)

    shop.on_pause = give_back
    assert shop.update().version.functions == ("bye",)
    assert len(shop.paused) == 1


def test_whoever_lost_the_hold_writes_nothing_down(shop: FakeWorkshop) -> None:
    made = shop.create()
    ask = shop.endpoints.functions

    def take_long(script: str, key: str | None, *, patiently: bool = False) -> Any:
        with shop.records.begin() as tx:
            tx.workers.save(tx.workers.get("shop").held("ver_other", shop.clock()))
        return ask(script, key, patiently=patiently)

    shop.endpoints.functions = take_long  # type: ignore[method-assign]
    with pytest.raises(Conflict) as refused:
        shop.update()
    assert refused.value.error_code == "worker:overtaken"
    assert shop.worker().version_id == made.version.id
    shop.clock.advance(LEASE.total_seconds())
    shop.run_jobs()
    assert shop.shows(made.worker.script) == HELLO


def test_a_worker_that_is_deleted_while_it_goes_up_leaves_nothing(shop: FakeWorkshop) -> None:
    shop.create()
    ask = shop.endpoints.functions

    def be_deleted(script: str, key: str | None, *, patiently: bool = False) -> Any:
        with shop.records.begin() as tx:
            tx.versions.remove([it.id for it in tx.versions.of(tx.workers.get("shop").id)])
            tx.workers.remove(tx.workers.get("shop").id)
        return ask(script, key, patiently=patiently)

    shop.endpoints.functions = be_deleted  # type: ignore[method-assign]
    with pytest.raises(NotFound):
        shop.update()
    shop.run_jobs()
    assert not shop.up


def test_a_deployment_needs_no_database_to_fail(shop: FakeWorkshop) -> None:
    made = shop.create()
    ask = shop.endpoints.functions

    def lose_everything(script: str, key: str | None, *, patiently: bool = False) -> Any:
        shop.records.is_away = True
        return ask(script, key, patiently=patiently)

    shop.endpoints.functions = lose_everything  # type: ignore[method-assign]
    with pytest.raises(RemoteUnavailable):
        shop.update()
    shop.records.is_away = False
    shop.let_pass(LEASE.total_seconds())
    assert shop.worker().is_settled
    assert shop.shows(made.worker.script) == HELLO
    assert shop.up == {made.worker.script, made.version.own_script}
