"""The memory under test, and what the suite needs beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.domain.jobs import Job
from app.ports import Page, Records
from tests.fakes.clock import FakeClock


@dataclass
class World:
    """A memory, its clock, and the jobs that the engine was handed."""

    records: Records
    clock: FakeClock
    enqueued: list[Job] = field(default_factory=list)


class Failure(Exception):
    """What a test breaks a transaction with."""


def all_pages(read_page: Callable[[str | None], Page]) -> list[Any]:
    """Return the items of every page."""
    items, cursor = list[Any](), None
    for _ in range(100):
        page = read_page(cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items
    raise AssertionError("the pages do not end")
