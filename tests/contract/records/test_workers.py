"""Workers, versions, calls and slugs: kept and found as the pipeline asks."""

from typing import Any

import pytest

from app.domain.environments import Environment
from app.domain.workers import Calls, Options
from app.errors import Conflict, InvalidInput, NotFound
from app.ports import Records
from tests.builders import a_version, a_worker, an_app, at
from tests.contract.records.world import all_pages


def test_a_worker_comes_back_as_it_was_kept(records: Records) -> None:
    whole = a_worker(
        environment=Environment.STAGING,
        version_id="ver_0001",
        newest=12,
        is_kept=True,
        is_settled=False,
        expires_at=at(10),
        expired_at=at(11),
        error="it did not start: ünïcode ☂",
        holder="ver_0002",
        held_until=at(120),
    )
    with records.begin() as tx:
        tx.workers.add(a_worker())
        tx.workers.save(whole)
    with records.begin() as tx:
        assert tx.workers.get(whole.id, lock=True) == whole
        tx.workers.save(a_worker())
    with records.read() as tx:
        assert tx.workers.get(whole.id) == a_worker()


def test_a_worker_is_found_by_id_then_slug_then_name(records: Records) -> None:
    with records.begin() as tx:
        tx.workers.add(a_worker(1, slug="b", name="c"))
        tx.workers.add(a_worker(2, id="b", slug="c", name="d"))
    with records.read() as tx:
        assert [tx.workers.get(key).id for key in ("wrk_0001", "b", "c", "d")] == [
            "wrk_0001",
            "b",
            "b",
            "b",
        ]
        with pytest.raises(NotFound) as missing:
            tx.workers.get("nobody")
    assert missing.value.error_code == "worker:not-found"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"name": "worker-1"}, "worker:name-taken"), ({"slug": "wslug001"}, "worker:taken")],
)
def test_two_workers_share_neither_name_nor_slug(
    records: Records, changes: dict[str, Any], code: str
) -> None:
    with records.begin() as tx:
        tx.workers.add(a_worker(1))
    with records.begin() as tx, pytest.raises(Conflict) as conflict:
        tx.workers.add(a_worker(2, **changes))
    assert conflict.value.error_code == code
    with records.read() as tx:
        assert [it.id for it in tx.workers.list().items] == ["wrk_0001"]


def test_workers_and_apps_share_one_space_of_slugs_and_not_of_names(records: Records) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app(1, name="shop"))
        tx.workers.add(a_worker(1, name="shop"))
    with records.begin() as tx:
        with pytest.raises(Conflict):
            tx.workers.add(a_worker(2, slug="slug0001"))
        with pytest.raises(Conflict) as conflict:
            tx.apps.add(an_app(2, slug="wslug001"))
    assert conflict.value.error_code == "app:taken"
    with records.begin() as tx:
        assert len(tx.apps.list().items) == 1
        tx.apps.remove("app_0001")
        tx.workers.add(a_worker(2, slug="slug0001"))


def test_the_slug_of_a_removed_worker_is_taken_until_it_is_given_back(records: Records) -> None:
    with records.begin() as tx:
        tx.workers.add(a_worker())
        tx.workers.remove("wrk_0001")
        tx.workers.remove("wrk_0001")
        with pytest.raises(NotFound):
            tx.workers.save(a_worker())
        with pytest.raises(Conflict):
            tx.workers.add(a_worker())
        tx.slugs.free("wslug001")
        tx.slugs.free("wslug001")
        tx.workers.add(a_worker())


def test_pages_of_workers_hold_each_once_newest_first(records: Records) -> None:
    # Three share one moment: the id decides between them.
    workers = [a_worker(number, created_at=at(number // 3)) for number in range(7)]
    with records.begin() as tx:
        for worker in workers:
            tx.workers.add(worker)
    with records.read() as tx:
        for limit in (1, 3, 7, 50):
            found = all_pages(lambda cursor, limit=limit: tx.workers.list(cursor=cursor, limit=limit))  # type: ignore[misc]
            assert found == workers[::-1]
        with pytest.raises(InvalidInput):
            tx.workers.list(cursor="nobody's")


def test_due_are_those_whose_time_or_whose_hold_is_over(records: Records) -> None:
    with records.begin() as tx:
        tx.workers.add(a_worker(1, expires_at=at(20)))
        tx.workers.add(a_worker(2, expires_at=at(20), expired_at=at(21)))
        tx.workers.add(a_worker(3, expires_at=at(31)))
        tx.workers.add(a_worker(4, holder="ver_1", held_until=at(30)))
        tx.workers.add(a_worker(5, holder="ver_2", held_until=at(31)))
        tx.workers.add(a_worker(6))
    with records.read() as tx:
        assert [it.id for it in tx.workers.due(at(30), limit=9)] == ["wrk_0001", "wrk_0004"]
        assert [it.id for it in tx.workers.due(at(30), limit=1)] == ["wrk_0001"]


def test_a_version_comes_back_as_it_was_kept(records: Records) -> None:
    begun = a_version(uploaded_at=None, functions=())
    whole = a_version(
        options=Options(("https://a.example",), timeout_ms=5, max_payload_bytes=6, has_invoke_key=True),
        functions=("b", "größe", "a"),
        uploaded_at=at(1),
        retired_at=at(2),
    )
    with records.begin() as tx:
        tx.versions.add(begun)
        assert tx.versions.get(begun.id) == begun
        tx.versions.save(whole)
    with records.read() as tx:
        assert tx.versions.get(whole.id) == whole
        assert tx.versions.get(whole.own_script) == whole
        assert tx.versions.several([whole.id, "ver_0009"]) == {whole.id: whole}
        assert tx.versions.several([]) == {}
        for unknown in ("ver_0009", "production-9-wslug001"):
            with pytest.raises(NotFound):
                tx.versions.get(unknown)


def test_versions_belong_to_one_worker_newest_first(records: Records) -> None:
    with records.begin() as tx:
        for number in (2, 10, 9):
            tx.versions.add(a_version(number))
        tx.versions.add(a_version(11, worker_id="wrk_0002", own_script="production-11-wslug002"))
    with records.begin() as tx:
        assert [it.number for it in tx.versions.of("wrk_0001")] == [10, 9, 2]
        assert [it.number for it in tx.versions.of("wrk_0001", limit=1)] == [10]
        tx.versions.remove(["ver_0009", "ver_0010", "ver_0099"])
        tx.versions.remove([])
    with records.read() as tx:
        assert [it.number for it in tx.versions.of("wrk_0001")] == [2]
        assert [it.number for it in tx.versions.of("wrk_0002")] == [11]


def test_calls_are_added_up_by_function(records: Records) -> None:
    with records.begin() as tx:
        tx.calls.add("wrk_0001", {"hello": Calls(2, 1, at(20)), "bye": Calls(1, 0, at(5))})
        tx.calls.add("wrk_0002", {"hello": Calls(7, 7, at(7))})
        tx.calls.add("wrk_0001", {"hello": Calls(3, 0, at(10))})
        tx.calls.add("wrk_0001", {})
    with records.begin() as tx:
        assert tx.calls.of(["wrk_0001", "wrk_0003"]) == {
            "wrk_0001": {"bye": Calls(1, 0, at(5)), "hello": Calls(5, 1, at(20))}
        }
        tx.calls.forget("wrk_0001")
        assert tx.calls.of(["wrk_0001", "wrk_0002"]) == {"wrk_0002": {"hello": Calls(7, 7, at(7))}}
        assert tx.calls.of([]) == {}
