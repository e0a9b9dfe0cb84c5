from datetime import UTC, datetime, timedelta

import pytest

from app.errors import RemoteConflict, RemoteMissing
from app.ports import File
from tests.contract.code_host.hosts import (
    ORG,
    TEMPLATE,
    TEMPLATE_FILES,
    CodeHost,
    commit,
    eventually,
    head,
    new_name,
    writes,
)


def test_an_absent_repository_is_none(host: CodeHost) -> None:
    assert host.repositories.find(f"{ORG}/nothing") is None


def test_a_fork_knows_its_parent_and_is_filled_in_time(host: CodeHost) -> None:
    name = new_name("fork")
    asked_at = datetime.now(UTC) - timedelta(seconds=2)
    made = host.repositories.fork(TEMPLATE, ORG, name)
    assert (made.full_name, made.is_fork, made.parent_full_name) == (f"{ORG}/{name}", True, TEMPLATE)
    assert made.created_at >= asked_at
    assert eventually(lambda: host.contents.head(made.full_name, "main")) == head(host, TEMPLATE)
    assert host.repositories.find(made.full_name) == made


def test_one_organisation_can_fork_twice(host: CodeHost, fork: str) -> None:
    again = host.repositories.fork(TEMPLATE, ORG, new_name("fork"))
    assert again.full_name != fork


def test_a_taken_name_is_a_conflict(host: CodeHost, shop: str) -> None:
    name = shop.partition("/")[2]
    with pytest.raises(RemoteConflict, match=f"forking {TEMPLATE} into {shop}|creating {shop}"):
        host.repositories.fork(TEMPLATE, ORG, name)
    with pytest.raises(RemoteConflict, match=f"generating {shop}|creating {shop}"):
        host.repositories.generate(TEMPLATE, ORG, name, is_private=False)


def test_forking_what_is_not_there_is_missing(host: CodeHost) -> None:
    with pytest.raises(RemoteMissing):
        host.repositories.fork(f"{ORG}/nothing", ORG, new_name("fork"))


@pytest.mark.parametrize("is_private", [True, False])
def test_a_generated_repository_has_the_files_and_a_history_of_its_own(
    host: CodeHost, *, is_private: bool
) -> None:
    made = host.repositories.generate(TEMPLATE, ORG, new_name("made"), is_private=is_private)
    assert (made.is_fork, made.parent_full_name, made.is_private) == (False, None, is_private)
    assert host.file(made.full_name, "main", "src/index.ts") == TEMPLATE_FILES["src/index.ts"]
    assert head(host, made.full_name) != head(host, TEMPLATE)


def test_only_a_template_generates(host: CodeHost) -> None:
    with pytest.raises(RemoteMissing):
        host.repositories.generate(f"{ORG}/plain", ORG, new_name("made"), is_private=False)


def test_actions_are_off_in_a_fork_and_switched_on_once(host: CodeHost, fork: str) -> None:
    for expected in (1, 0):
        with writes(host, expected):
            host.repositories.enable_actions(fork)


def test_actions_are_on_in_a_generated_repository(host: CodeHost, shop: str) -> None:
    with writes(host, 0):
        host.repositories.enable_actions(shop)


def test_a_deleted_repository_is_gone_and_may_be_deleted_again(host: CodeHost, shop: str) -> None:
    host.repositories.delete(shop)
    assert host.repositories.find(shop) is None
    host.repositories.delete(shop)


def test_a_renamed_repository_is_found_by_its_old_name(host: CodeHost, shop: str) -> None:
    before = host.repositories.find(shop)
    new = new_name("renamed")
    host.rename(shop, new)
    after = host.repositories.find(shop)
    assert before is not None
    assert after is not None
    assert (after.id, after.full_name) == (before.id, f"{ORG}/{new}")


def test_a_renamed_repository_is_written_to_by_its_old_name(host: CodeHost, shop: str) -> None:
    new = new_name("renamed")
    host.rename(shop, new)
    made = commit(host, shop, File("a.txt", b"a"))
    host.settings.set_variable(shop, "URL", "https://control.test")
    assert head(host, f"{ORG}/{new}") == made
