"""Events and marks: what is written down, told once, by whom and because of what."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.archives import Archive
from app.domain.causes import because_of
from app.domain.events import Event, Place, Selection, Tag
from app.errors import Gone, NotFound
from app.ports import Records

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_fact_belongs_to_its_subject_s_app_and_bears_its_cause(records: Records) -> None:
    with records.begin() as tx, because_of("delivery-1"):
        tx.events.append(Event(Tag.APP_READY, "app_1", "github", AT, {}))
        tx.events.append(Event(Tag.DEPLOYMENT_READY, "dpl_1", "github", AT, {"app": "app_1"}))
        tx.events.append(Event(Tag.JOB_STARTED, "job_1", "job_1", AT, {}, cause="job_1"))
    with records.read() as tx:
        (ready,), (deployed,), (started,) = (tx.events.about(it) for it in ("app_1", "dpl_1", "job_1"))
    assert (ready.app_id, ready.cause) == ("app_1", "delivery-1")
    assert (deployed.app_id, deployed.cause) == ("app_1", "delivery-1")
    assert (started.app_id, started.cause) == (None, "job_1")


def test_a_fact_with_a_key_is_told_once(records: Records) -> None:
    fact = Event(Tag.BRANCH_PUSHED, "app_1", "github:ann", AT, {"branch": "main"}, key="push:main:1")
    for _ in range(2):
        with records.begin() as tx:
            tx.events.append(fact)
            tx.events.append(fact)
    with records.read() as tx:
        assert len(tx.events.about("app_1")) == 1


def test_a_mark_is_kept_and_moved(records: Records) -> None:
    with records.begin() as tx:
        assert tx.marks.get("sweep", lock=True) is None
        tx.marks.set("sweep", "1")
    with records.begin() as tx:
        assert tx.marks.get("sweep", lock=True) == "1"
        tx.marks.set("sweep", "2")
    with records.read() as tx:
        assert tx.marks.get("sweep") == "2"


# -------------------- pages


def told(records: Records, *events: Event) -> None:
    """Write each down in a transaction of its own."""
    for event in events:
        with records.begin() as tx:
            tx.events.append(event)


def a_fact(tag: Tag = Tag.BRANCH_PUSHED, subject: str = "app_1", minute: int = 0, **payload: str) -> Event:
    return Event(tag, subject, "token", AT + timedelta(minutes=minute), payload)


def page(records: Records, chosen: Selection | None = None, **how: Any) -> Sequence[Event]:
    with records.read() as tx:
        return tx.events.page(chosen or Selection(), **how)


def test_pages_go_back_from_the_newest_and_forth_from_a_place(records: Records) -> None:
    told(records, *(a_fact(minute=minute) for minute in range(5)))
    newest = page(records, limit=2)
    assert [it.at.minute for it in newest] == [4, 3]
    older = page(records, before=newest[-1].place, limit=9)
    assert [it.at.minute for it in older] == [2, 1, 0]
    assert [it.at.minute for it in page(records, after=older[-1].place, limit=3)] == [1, 2, 3]
    assert page(records, after=newest[0].place) == []
    between = page(records, after=older[-1].place, before=newest[-1].place)
    assert [it.at.minute for it in between] == [1, 2]


@pytest.mark.parametrize(
    ("chosen", "minutes"),
    [
        (Selection(), [3, 2, 1, 0]),
        (Selection(subject="dpl_1"), [3, 2]),
        (Selection(app_id="app_1"), [2, 0]),
        (Selection(app_id="app_1", tag="deployment:"), [2]),
        (Selection(tag="deployment:ready"), [3]),
        (Selection(tag="deployment:"), [3, 2]),
        (Selection(subject="dpl_1", tag="branch:pushed"), []),
    ],
)
def test_facts_are_chosen_by_subject_app_and_tag(
    records: Records, chosen: Selection, minutes: list[int]
) -> None:
    told(
        records,
        a_fact(),
        a_fact(subject="app_2", minute=1),
        a_fact(Tag.DEPLOYMENT_QUEUED, "dpl_1", 2, app="app_1"),
        a_fact(Tag.DEPLOYMENT_READY, "dpl_1", 3, app="app_2"),
    )
    found = page(records, chosen)
    assert [it.at.minute for it in found] == minutes
    assert [it.at.minute for it in page(records, chosen, after=Place(0, 0), limit=2)] == minutes[::-1][:2]
    assert all(chosen.takes(it) for it in found)


def test_a_place_that_a_restored_database_does_not_know_is_gone(records: Records) -> None:
    told(records, a_fact())
    with records.read() as tx:
        newest = tx.events.newest()
        assert tx.events.page(Selection(), after=newest) == []
        with pytest.raises(Gone) as caught:
            tx.events.page(Selection(), after=Place(newest.position, newest.id + 1))
    assert caught.value.error_code == "event:lost-place"


def test_the_first_and_the_last_fact_of_each_subject_are_found_around_a_time(records: Records) -> None:
    tag = Tag.DEPLOYMENT_READY
    told(
        records,
        *(a_fact(tag, subject, minute, app="app_1") for subject in "ab" for minute in range(4)),
        a_fact(tag, "c", 3, app="app_1"),
        a_fact(tag, "a", 1, app="app_2"),
        a_fact(Tag.DEPLOYMENT_ERROR, "a", 1, app="app_1"),
    )
    moment = AT + timedelta(minutes=1)
    with records.read() as tx:
        last = tx.events.last_of_each("app_1", tag, until=moment)
        first = tx.events.first_of_each("app_1", tag, since=moment)
    assert [(it.subject, it.at.minute) for it in last] == [("a", 1), ("b", 1)]
    assert [(it.subject, it.at.minute) for it in first] == [("a", 2), ("b", 2), ("c", 3)]


# -------------------- archives


def an_archive(events: Sequence[Event]) -> Archive:
    return Archive.of(events, "a" * 64, AT)


def test_old_facts_are_due_in_their_order_up_to_the_first_that_is_not(records: Records) -> None:
    told(records, *(a_fact(minute=minute) for minute in (0, 2, 1, 3, 0)))
    with records.read() as tx:
        due = tx.archives.due(AT + timedelta(minutes=3), limit=9)
        assert [it.at.minute for it in due] == [0, 2, 1]
        assert len(tx.archives.due(AT + timedelta(minutes=3), limit=2)) == 2
        assert tx.archives.due(AT, limit=9) == []


def test_what_an_archive_holds_leaves_and_nothing_else(records: Records) -> None:
    told(records, *(a_fact(minute=minute) for minute in range(4)))
    with records.begin() as tx:
        due = tx.archives.due(AT + timedelta(minutes=2), limit=9)
        assert tx.archives.keep(an_archive(due))
    with records.begin() as tx:
        assert not tx.archives.keep(an_archive(due))
        (kept,) = tx.archives.list()
        assert tx.archives.get(kept.first.id) == kept == an_archive(due)
        assert [it.at.minute for it in tx.events.page(Selection())] == [3, 2]
        assert [it.at.minute for it in tx.events.page(Selection(), after=kept.last)] == [2, 3]
        with pytest.raises(Gone) as caught:
            tx.events.page(Selection(), after=kept.first)
    assert caught.value.error_code == "event:archived"


def test_when_all_is_archived_the_order_goes_on(records: Records) -> None:
    told(records, a_fact(), a_fact(minute=1))
    with records.begin() as tx:
        due = tx.archives.due(AT + timedelta(days=1), limit=9)
        tx.archives.keep(an_archive(due))
        assert tx.events.newest() == due[-1].place
    told(records, a_fact(minute=2))
    with records.read() as tx:
        assert [it.at.minute for it in tx.events.page(Selection(), after=due[-1].place)] == [2]


def test_an_archive_that_is_not_there_is_not_found(records: Records) -> None:
    with records.read() as tx, pytest.raises(NotFound):
        tx.archives.get(7)


def test_facts_are_chosen_by_who_did_it(records: Records) -> None:
    told(
        records,
        Event(Tag.APP_READY, "app_1", "person:ada", AT, {}),
        Event(Tag.DEPLOYMENT_READY, "dpl_1", "workflow", AT, {"app": "app_1"}),
        Event(Tag.DEPLOYMENT_RESTORED, "dpl_1", "person:ada", AT, {"app": "app_1"}),
    )
    with records.read() as tx:
        by_ada = tx.events.page(Selection(actor="person:ada"))
        restored = tx.events.page(Selection(actor="person:ada", tag="deployment:"))
    assert [it.tag for it in by_ada] == [Tag.DEPLOYMENT_RESTORED, Tag.APP_READY]
    assert [it.tag for it in restored] == [Tag.DEPLOYMENT_RESTORED]
    assert all(Selection(actor="person:ada").takes(it) for it in by_ada)
    assert not Selection(actor="person:grace").takes(by_ada[0])


def test_facts_are_chosen_by_what_they_are_not(records: Records) -> None:
    told(
        records,
        Event(Tag.JOB_QUEUED, "job_1", "job_1", AT, {"app": "app_1"}),
        Event(Tag.APP_READY, "app_1", "github", AT, {}),
        Event(Tag.JOB_STARTED, "job_1", "job_1", AT, {"app": "app_1"}),
    )
    for chosen in (Selection(tag="-job:"), Selection(tag="-job:", app_id="app_1")):
        with records.read() as tx:
            found = tx.events.page(chosen)
        assert [it.tag for it in found] == [Tag.APP_READY]
        assert chosen.takes(found[0])
    with records.read() as tx:
        (started, ready) = tx.events.page(Selection(tag="-job:queued"))
    assert (started.tag, ready.tag) == (Tag.JOB_STARTED, Tag.APP_READY)
