"""Who was let do what: one person as we see it, and all of a person's as they see it."""

from dataclasses import replace

import pytest

from app.domain.apps import Repository
from app.domain.rights import Level
from app.errors import RemoteMissing, Unauthenticated
from app.ports.people import Account
from tests.contract.code_host.hosts import ORG, OUTSIDER, STRANGER, TEMPLATE, CodeHost, new_name

LEVELS = [Level.READ, Level.WRITE, Level.ADMIN]


def own(host: CodeHost, full_name: str, login: str = OUTSIDER) -> Level | None:
    repository = host.repositories.find(full_name)
    assert repository is not None
    return host.memberships.own(host.token_of(login)).get(repository.id)


def described(host: CodeHost, full_name: str) -> Repository:
    repository = host.repositories.find(full_name)
    assert repository is not None
    return repository


def level(host: CodeHost, full_name: str, account: Account) -> Level | None:
    return host.memberships.level(described(host, full_name), account)


def test_what_everybody_may_do_is_nothing(host: CodeHost, shop: str) -> None:
    assert level(host, shop, host.account(OUTSIDER)) is Level.NONE
    assert own(host, shop) is None


@pytest.mark.parametrize("let", LEVELS)
def test_collaborators_may_do_what_they_were_let(host: CodeHost, shop: str, let: Level) -> None:
    host.let(shop, OUTSIDER, let)
    assert level(host, shop, host.account(OUTSIDER)) is let
    assert own(host, shop) is let
    host.let(shop, OUTSIDER, Level.NONE)
    assert level(host, shop, host.account(OUTSIDER)) is Level.NONE
    assert own(host, shop) is None


def test_a_login_counts_for_the_account_that_has_it(host: CodeHost, shop: str) -> None:
    host.let(shop, OUTSIDER, Level.ADMIN)
    other = replace(host.account(OUTSIDER), id=4711)
    assert level(host, shop, other) is Level.NONE


def test_of_what_is_not_there_it_is_said_that_it_is_not(host: CodeHost, shop: str) -> None:
    account, nothing = host.account(OUTSIDER), replace(described(host, shop), id=4_711_000)
    assert host.memberships.level(nothing, account) is None
    assert host.memberships.level(replace(nothing, full_name=f"{ORG}/nothing"), account) is None
    assert level(host, shop, replace(account, login="nobody-at-all")) is None


def test_a_right_stays_with_a_repository_that_is_renamed(host: CodeHost, shop: str) -> None:
    host.let(shop, OUTSIDER, Level.WRITE)
    before, renamed = described(host, shop), new_name("renamed")
    host.rename(shop, renamed)
    assert host.memberships.level(before, host.account(OUTSIDER)) is Level.WRITE
    assert level(host, f"{ORG}/{renamed}", host.account(OUTSIDER)) is Level.WRITE


def test_whoever_makes_another_repository_of_that_name_gets_nothing_in_the_first(
    host: CodeHost, shop: str
) -> None:
    before, account = described(host, shop), host.account(OUTSIDER)
    host.let(shop, OUTSIDER, Level.READ)
    host.repositories.delete(shop)
    host.repositories.generate(TEMPLATE, ORG, shop.partition("/")[2], is_private=False)
    host.let(shop, OUTSIDER, Level.ADMIN)
    assert level(host, shop, account) is Level.ADMIN
    assert host.memberships.level(before, account) is None


def test_a_right_in_a_renamed_repository_is_none_in_another_that_took_its_name(
    host: CodeHost, shop: str
) -> None:
    host.let(shop, OUTSIDER, Level.ADMIN)
    before, account, renamed = described(host, shop), host.account(OUTSIDER), new_name("renamed")
    host.rename(shop, renamed)
    host.repositories.generate(TEMPLATE, ORG, shop.partition("/")[2], is_private=False)
    assert level(host, shop, account) is Level.NONE
    assert host.memberships.level(before, account) is None
    assert level(host, f"{ORG}/{renamed}", account) is Level.ADMIN


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
    assert level(host, shop, account) is Level.WRITE
    host.memberships.invite(shop, OUTSIDER, Level.READ)
    host.memberships.invite(shop, OUTSIDER, Level.WRITE)
    assert level(host, shop, account) is Level.WRITE
    assert host.writes - before == 1
    host.memberships.invite(shop, OUTSIDER, Level.ADMIN)
    assert level(host, shop, account) is Level.ADMIN


def test_nobody_is_invited_who_is_nobody(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.memberships.invite(shop, "nobody-at-all", Level.ADMIN)
