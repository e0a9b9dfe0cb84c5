"""Aliases, own scripts, assets, tokens, variables, approvals: kept and found as the pipeline asks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.approvals import Approval
from app.domain.bundles import KnownAsset
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.variables import Variable
from app.errors import Conflict
from app.ports import Records
from tests.builders import NOON, a_deployment, at


def an_alias(script: str = "slug0001", **changes: Any) -> Alias:
    alias = Alias("app_0001", script, Environment.PRODUCTION, "branchline-test-production", NOON)
    return replace(alias, **changes)


def uploaded(number: int, **changes: Any) -> Deployment:
    return a_deployment(
        number,
        status=Status.READY,
        uploaded_at=at(number),
        own_script=f"production-{number}-slug0001",
        **changes,
    )


def test_an_alias_comes_back_as_it_was_kept(records: Records) -> None:
    first = an_alias()
    full = an_alias(
        environment=Environment.PREVIEW,
        pull_request=7,
        deployment_id="dpl_0001_1",
        order=(12, 2),
        is_pinned=True,
        is_settled=False,
        actor="ada",
        holder="job_1",
        held_until=at(120),
        expires_at=at(600),
        expired_at=at(601),
    )
    with records.begin() as tx:
        assert tx.aliases.get("slug0001") is None
        tx.aliases.save(first)
    with records.begin() as tx:
        assert tx.aliases.get("slug0001") == first
        tx.aliases.save(full)
    with records.read() as tx:
        assert tx.aliases.get("slug0001") == full


def test_the_aliases_of_an_app_are_forgotten_together(records: Records) -> None:
    kept = [an_alias("staging-slug0001"), an_alias("slug0001"), an_alias("slug0002", app_id="app_0002")]
    with records.begin() as tx:
        for alias in kept:
            tx.aliases.save(alias)
    with records.begin() as tx:
        assert [alias.script for alias in tx.aliases.of_app("app_0001")] == ["slug0001", "staging-slug0001"]
        tx.aliases.forget("app_0001")
        assert not tx.aliases.of_app("app_0001")
        assert len(tx.aliases.of_app("app_0002")) == 1


def test_aliases_expire_in_the_order_of_their_times(records: Records) -> None:
    with records.begin() as tx:
        tx.aliases.save(an_alias("a", expires_at=at(20)))
        tx.aliases.save(an_alias("b", expires_at=at(10)))
        tx.aliases.save(an_alias("c", expires_at=at(5), expired_at=at(6)))
        tx.aliases.save(an_alias("d", expires_at=at(31)))
        tx.aliases.save(an_alias("e"))
    with records.read() as tx:
        assert [alias.script for alias in tx.aliases.expired(at(30), limit=9)] == ["b", "a"]
        assert [alias.script for alias in tx.aliases.expired(at(30), limit=1)] == ["b"]


def test_a_deployment_comes_back_with_what_was_put_up(records: Records) -> None:
    whole = a_deployment(
        own_script="fork-0123456789-slug0001",
        bundle="d" * 64,
        uploaded_at=at(1),
        expires_at=at(2),
        retired_at=at(3),
        promoted_from="dpl_0000_1",
        actor="ada",
        is_from_fork=True,
    )
    with records.begin() as tx:
        tx.deployments.add(whole)
    with records.read() as tx:
        assert tx.deployments.get(whole.id) == whole
        assert tx.own_scripts.by_name("fork-0123456789-slug0001") == whole
        assert tx.own_scripts.by_name("fork-0123456789-slug0002") is None


def test_what_is_promoted_shares_the_run_and_is_not_found_by_it(records: Records) -> None:
    built = a_deployment(5)
    promoted = a_deployment(5, id="dpl_promoted", promoted_from=built.id)
    with records.begin() as tx:
        tx.deployments.add(built)
        tx.deployments.add(promoted)
        tx.deployments.add(replace(promoted, id="dpl_again"))
        with pytest.raises(Conflict):
            tx.deployments.add(a_deployment(5, id="dpl_other"))
    with records.read() as tx:
        assert tx.deployments.by_run("app_0001", built.run.id, 1) == built


def test_own_scripts_stand_until_they_are_retired(records: Records) -> None:
    with records.begin() as tx:
        tx.deployments.add(uploaded(1))
        tx.deployments.add(uploaded(2, retired_at=at(9)))
        tx.deployments.add(uploaded(3))
        tx.deployments.add(a_deployment(4, own_script="production-4-slug0001"))
        tx.deployments.add(uploaded(5, script="staging-slug0001"))
    with records.read() as tx:
        assert [it.run.number for it in tx.own_scripts.standing("app_0001", "slug0001")] == [3, 1]


def test_own_scripts_expire_and_are_renewed(records: Records) -> None:
    with records.begin() as tx:
        tx.deployments.add(uploaded(1, expires_at=at(20)))
        tx.deployments.add(uploaded(2, expires_at=at(10)))
        tx.deployments.add(uploaded(3))
        tx.deployments.add(uploaded(4, expires_at=at(5), retired_at=at(6)))
    with records.begin() as tx:
        assert [it.run.number for it in tx.own_scripts.expired(at(30), limit=9)] == [2, 1]
        tx.own_scripts.renew("app_0001", "slug0001", at(500))
    with records.read() as tx:
        assert not tx.own_scripts.expired(at(30), limit=9)
        ends = [tx.deployments.get(f"dpl_{number:04}_1").expires_at for number in (1, 2, 3, 4)]
        assert ends == [at(500), at(500), None, at(5)]


def test_assets_are_known_within_their_scope(records: Records) -> None:
    told = {f"{number:032x}": KnownAsset("a" * 64, number, "text/css") for number in range(1200)}
    name = next(iter(told))
    with records.begin() as tx:
        tx.assets.add("app_0001/preview", told)
        tx.assets.add("app_0001/preview", {name: KnownAsset("b" * 64, 1)})
        tx.assets.add("app_0001/production", {})
    with records.read() as tx:
        assert tx.assets.known("app_0001/preview", [*told, "f" * 32]) == told
        assert not tx.assets.known("app_0001/production", [name])
        assert not tx.assets.known("app_0001/preview", [])


def test_a_token_is_used_once(records: Records) -> None:
    with records.begin() as tx:
        assert tx.tokens.use("jti-1", at(60))
        assert tx.tokens.use("jti-2", at(600))
        assert not tx.tokens.use("jti-1", at(60))
    with records.begin() as tx:
        tx.tokens.forget(at(61))
        assert tx.tokens.use("jti-1", at(60))
        assert not tx.tokens.use("jti-2", at(600))


def a_variable(name: str, **changes: Any) -> Variable:
    variable = Variable(
        "app_0001", Environment.PREVIEW, name, "value", is_secret=False, updated_at=NOON, actor="ada"
    )
    return replace(variable, **changes)


def test_variables_belong_to_one_environment_of_one_app(records: Records) -> None:
    secret = a_variable("TOKEN", is_secret=True, value="gAAA")
    with records.begin() as tx:
        tx.variables.save(a_variable("B"))
        tx.variables.save(secret)
        tx.variables.save(a_variable("B", environment=Environment.PRODUCTION))
        tx.variables.save(a_variable("B", app_id="app_0002"))
        tx.variables.save(a_variable("B", value="other"))
    with records.begin() as tx:
        assert tx.variables.of("app_0001", Environment.PREVIEW) == [a_variable("B", value="other"), secret]
        assert tx.variables.remove("app_0001", Environment.PREVIEW, "B")
        assert not tx.variables.remove("app_0001", Environment.PREVIEW, "B")
        tx.variables.forget("app_0002")
    with records.read() as tx:
        assert tx.variables.of("app_0001", Environment.PREVIEW) == [secret]
        assert len(tx.variables.of("app_0001", Environment.PRODUCTION)) == 1
        assert not tx.variables.of("app_0002", Environment.PREVIEW)


def test_all_secrets_are_walked_through_in_order(records: Records) -> None:
    with records.begin() as tx:
        for app_id in ("app_0002", "app_0001"):
            for name in ("B", "A"):
                tx.variables.save(a_variable(name, app_id=app_id, is_secret=True))
            tx.variables.save(a_variable("C", app_id=app_id))
    with records.read() as tx:
        first = tx.variables.secrets(None, limit=3)
        last = first[-1]
        rest = tx.variables.secrets((last.app_id, last.environment, last.name), limit=3)
    assert [(it.app_id, it.name) for it in [*first, *rest]] == [
        ("app_0001", "A"),
        ("app_0001", "B"),
        ("app_0002", "A"),
        ("app_0002", "B"),
    ]


def test_an_approval_is_of_one_commit_and_the_first_counts(records: Records) -> None:
    approval = Approval("app_0001", 7, "c" * 40, "ada", NOON)
    with records.begin() as tx:
        assert tx.approvals.add(approval)
        assert not tx.approvals.add(replace(approval, actor="bob", approved_at=NOON + timedelta(seconds=1)))
    with records.read() as tx:
        assert tx.approvals.get("app_0001", 7, "c" * 40) == approval
        assert tx.approvals.get("app_0001", 7, "d" * 40) is None
        assert tx.approvals.get("app_0001", 8, "c" * 40) is None
