import pytest

from app.domain.git import blob_name
from app.errors import RemoteMissing
from app.ports import Asked, File, SeenRun, Sight
from app.ports.sights import MOST_AT_ONCE
from tests.contract.code_host.hosts import (
    ORG,
    OTHER_WORKFLOW,
    QUEUEING_WORKFLOW,
    STRANGER,
    CodeHost,
    commit,
    eventually,
    head,
    new_name,
)

HOOK = "http://127.0.0.1:9/webhooks/github"


def look(host: CodeHost, full_name: str, *branches: str, files: tuple[str, ...] = ()) -> Sight:
    found = host.repositories.find(full_name)
    assert found
    seen = host.sights.look([Asked(found.id, full_name, branches, files)])[found.id]
    assert isinstance(seen, Sight)
    return seen


def test_heads_are_seen_and_absent_branches_are_not(host: CodeHost, shop: str) -> None:
    main = commit(host, shop, File("a", b"1"))
    host.contents.ensure_branch(shop, "staging", main)
    moved = commit(host, shop, File("a", b"2"), branch="staging")
    seen = look(host, shop, "main", "staging", "none")
    assert {branch: it.commit for branch, it in seen.heads.items()} == {"main": main, "staging": moved}
    assert (seen.full_name, seen.default_branch, seen.is_archived) == (shop, "main", False)
    assert all(it.run is None for it in seen.heads.values())


def test_files_are_told_by_the_names_of_their_bytes(host: CodeHost, shop: str) -> None:
    commit(host, shop, File("docs/a b.md", b"Hello\n"))
    seen = look(host, shop, files=("docs/a b.md", "none.md"))
    assert seen.files == {"docs/a b.md": blob_name(b"Hello\n"), "none.md": None}


def test_a_head_has_the_newest_run_of_our_workflow(host: CodeHost, shop: str) -> None:
    made = commit(host, shop, QUEUEING_WORKFLOW, OTHER_WORKFLOW)
    first = eventually(lambda: look(host, shop, "main").heads["main"].run)
    assert first.url.endswith(f"/{shop}/actions/runs/{first.id}")
    host.runs.dispatch(shop, "main")
    eventually(lambda: len(host.runs.of_commit(shop, made)) == 2 or None)
    newest, *_ = host.runs.of_commit(shop, made)
    seen = look(host, shop, "main").heads["main"].run
    assert seen
    assert (seen.id, seen.number, seen.url) == (newest.id, newest.number, newest.url)
    for run in host.runs.of_commit(shop, made):
        host.runs.cancel(shop, run.id)
    ended = eventually(lambda: it if (it := _run(host, shop)).status == "completed" else None)
    assert (ended.status, ended.conclusion) == ("completed", "cancelled")


def _run(host: CodeHost, full_name: str) -> SeenRun:
    run = look(host, full_name, "main").heads["main"].run
    assert run
    return run


def test_open_pull_requests_are_seen_and_closed_ones_are_not(host: CodeHost, shop: str) -> None:
    host.contents.ensure_branch(shop, "blue", head(host, shop))
    made = commit(host, shop, File("b", b"1"), branch="blue")
    host.contents.ensure_branch(shop, "red", made)
    number, closed = host.open_pull(shop, "blue"), host.open_pull(shop, "red")
    host.close_pull(shop, closed)
    seen = look(host, shop)
    (pull,) = seen.pulls
    assert (pull.number, pull.title, pull.author, pull.head_branch) == (number, "blue", STRANGER, "blue")
    assert (pull.head.commit, pull.head.run, pull.is_from_fork) == (made, None, False)
    assert pull.head_repository_id == seen.repository_id
    assert pull.html_url.endswith(f"/{shop}/pull/{number}")
    assert pull.updated_at.tzinfo is not None


@pytest.mark.slow
def test_all_pull_requests_are_seen_however_many(host: CodeHost, shop: str) -> None:
    numbers = []
    for index in range(12):  # more than come with the first page
        host.contents.ensure_branch(shop, f"b{index}", head(host, shop))
        commit(host, shop, File("b", str(index).encode()), branch=f"b{index}")
        numbers.append(host.open_pull(shop, f"b{index}"))
    seen = look(host, shop)
    assert sorted(pull.number for pull in seen.pulls) == sorted(numbers)


def test_a_repository_that_moved_is_seen_under_its_new_name(host: CodeHost, shop: str) -> None:
    name = new_name("moved")
    host.rename(shop, name)
    assert look(host, shop).full_name == f"{ORG}/{name}"


def test_who_is_gone_and_who_was_replaced_are_absent_and_nobody_else_is(host: CodeHost, shop: str) -> None:
    here = host.repositories.find(shop)
    assert here
    asked = [Asked(here.id, shop), Asked(999_998, shop), Asked(999_999, f"{ORG}/nothing")]
    seen = host.sights.look(asked)
    assert set(seen) == {here.id, 999_998, 999_999}
    assert isinstance(seen[here.id], Sight)
    assert (seen[999_998], seen[999_999]) == (None, None)


def test_an_archived_repository_says_so(host: CodeHost, shop: str) -> None:
    host.archive(shop)
    assert look(host, shop).is_archived


def test_nothing_asked_is_nothing_seen(host: CodeHost) -> None:
    assert host.sights.look([]) == {}


def test_a_look_is_no_write(host: CodeHost, shop: str) -> None:
    before = host.writes
    look(host, shop, "main")
    assert host.writes == before


def test_a_hundred_repositories_are_one_look(host: CodeHost, shop: str) -> None:
    here = host.repositories.find(shop)
    assert here
    asked = [
        Asked(here.id, shop),
        *(Asked(900_000 + it, f"{ORG}/none-{it}") for it in range(MOST_AT_ONCE - 1)),
    ]
    seen = host.sights.look(asked)
    assert len(seen) == MOST_AT_ONCE
    assert [it for it in seen.values() if it] == [seen[here.id]]


def test_what_is_switched_off_is_seen(host: CodeHost, shop: str) -> None:
    host.repositories.enable_actions(shop)
    assert host.sights.webhook(shop, HOOK) is None
    host.settings.ensure_webhook(shop, HOOK, "s" * 16, ["push", "pull_request"])
    webhook = host.sights.webhook(shop, HOOK)
    assert webhook
    assert (webhook.is_active, webhook.content_type) == (True, "json")
    assert webhook.events == {"push", "pull_request"}
    assert host.sights.webhook(shop, f"{HOOK}/other") is None
    assert host.sights.actions_enabled(shop)
    host.switch_off(shop)
    again = host.sights.webhook(shop, HOOK)
    assert again
    assert (again.id, again.is_active) == (webhook.id, False)
    assert not host.sights.actions_enabled(shop)


def test_settings_of_an_absent_repository_are_missing_not_off(host: CodeHost) -> None:
    with pytest.raises(RemoteMissing):
        host.sights.actions_enabled(f"{ORG}/nothing")
    with pytest.raises(RemoteMissing):
        host.sights.webhook(f"{ORG}/nothing", HOOK)
