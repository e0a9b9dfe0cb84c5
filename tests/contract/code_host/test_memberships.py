"""Who was let do what: one person as we see it, and all of a person's as they see it."""

from dataclasses import replace

import pytest

from app.domain.rights import Level
from app.errors import RemoteMissing, Unauthenticated
from tests.contract.code_host.hosts import ORG, OUTSIDER, STRANGER, CodeHost

LEVELS = [Level.READ, Level.WRITE, Level.ADMIN]


def own(host: CodeHost, full_name: str, login: str = OUTSIDER) -> Level | None:
    repository = host.repositories.find(full_name)
    assert repository is not None
    return host.memberships.own(host.token_of(login)).get(repository.id)


def test_what_everybody_may_do_is_nothing(host: CodeHost, shop: str) -> None:
    assert host.memberships.level(shop, host.account(OUTSIDER)) is Level.NONE
    assert own(host, shop) is None


@pytest.mark.parametrize("level", LEVELS)
def test_collaborators_may_do_what_they_were_let(host: CodeHost, shop: str, level: Level) -> None:
    host.let(shop, OUTSIDER, level)
    assert host.memberships.level(shop, host.account(OUTSIDER)) is level
    assert own(host, shop) is level
    host.let(shop, OUTSIDER, Level.NONE)
    assert host.memberships.level(shop, host.account(OUTSIDER)) is Level.NONE
    assert own(host, shop) is None


def test_a_login_counts_for_the_account_that_has_it(host: CodeHost, shop: str) -> None:
    host.let(shop, OUTSIDER, Level.ADMIN)
    other = replace(host.account(OUTSIDER), id=4711)
    assert host.memberships.level(shop, other) is Level.NONE


def test_nobody_may_do_anything_to_what_is_not_there(host: CodeHost, shop: str) -> None:
    account = host.account(OUTSIDER)
    assert host.memberships.level(f"{ORG}/nothing", account) is Level.NONE
    assert host.memberships.level(shop, replace(account, login="nobody-at-all")) is Level.NONE


def test_members_belong_to_the_organisation(host: CodeHost) -> None:
    member = host.account(STRANGER)
    assert host.memberships.is_member(ORG, member)
    assert not host.memberships.is_member(ORG, replace(member, id=4711))
    assert not host.memberships.is_member(ORG, host.account(OUTSIDER))
    assert not host.memberships.is_member(ORG, replace(member, login="nobody-at-all"))


def test_a_token_that_is_none_is_refused(host: CodeHost) -> None:
    with pytest.raises(Unauthenticated):
        host.memberships.own("gho_nothing")


def test_an_invitation_is_sent_once_and_takes_nothing_away(host: CodeHost, shop: str) -> None:
    account, before = host.account(OUTSIDER), host.writes
    host.memberships.invite(shop, OUTSIDER, Level.WRITE)
    assert host.memberships.level(shop, account) is Level.WRITE
    host.memberships.invite(shop, OUTSIDER, Level.READ)
    host.memberships.invite(shop, OUTSIDER, Level.WRITE)
    assert host.memberships.level(shop, account) is Level.WRITE
    assert host.writes - before == 1
    host.memberships.invite(shop, OUTSIDER, Level.ADMIN)
    assert host.memberships.level(shop, account) is Level.ADMIN


def test_nobody_is_invited_who_is_nobody(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.memberships.invite(shop, "nobody-at-all", Level.ADMIN)
