"""Events and marks: what is written down, told once, by whom and because of what."""

from datetime import UTC, datetime

from app.domain.causes import because_of
from app.domain.events import Event, Tag
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
