"""To whom identity tokens are issued, and how long the keys behind them are published."""

from __future__ import annotations

import json
import stat
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from sandbox.actions.oidc.issuer import REQUEST_TOKEN, REQUEST_URL, Issuer, NotGrantedError
from sandbox.actions.oidc.keys import PUBLISHED_SECONDS, Keys

if TYPE_CHECKING:
    from pathlib import Path

_CLAIMS = {"repository_owner": "acme", "sub": "repo:acme@1/shop@7:ref:refs/heads/main"}


def test_a_token_is_issued_to_the_job_that_was_admitted_until_its_run_ends(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path, "http://127.0.0.1:1")
    given = issuer.admit(9, "deploy", _CLAIMS)
    assert given[REQUEST_URL].endswith("/plans/9/jobs/deploy/idtoken?api-version=2.0")

    claims = _decoded(
        issuer, issuer.issue(given[REQUEST_TOKEN], "plans/9/jobs/deploy", ""), "http://127.0.0.1:1/acme"
    )
    assert (claims["exp"] - claims["iat"], claims["iss"]) == (300, "http://127.0.0.1:1/_services/token")

    for token, place in ((given[REQUEST_TOKEN], "plans/9/jobs/other"), ("wrong", "plans/9/jobs/deploy")):
        with pytest.raises(NotGrantedError):
            issuer.issue(token, place, "")
    issuer.dismiss(9)
    with pytest.raises(NotGrantedError):
        issuer.issue(given[REQUEST_TOKEN], "plans/9/jobs/deploy", "")


def _decoded(issuer: Issuer, token: str, audience: str) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_dict({"keys": issuer.keys.published()})
    kid = jwt.get_unverified_header(token)["kid"]
    claims: dict[str, Any] = jwt.decode(token, keys[kid], ["RS256"], audience=audience)
    return claims


def test_keys_survive_a_restart_and_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    published = Keys(path).published()

    assert len(published) == 2
    assert Keys(path).published() == published
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(set(key) == {"kty", "n", "e", "kid", "alg", "use"} for key in published)


def test_a_key_that_was_rotated_out_stays_published_for_a_while(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = Keys(path)
    before = jwt.get_unverified_header(keys.sign({}))["kid"]

    kid = keys.rotate()

    assert jwt.get_unverified_header(keys.sign({}))["kid"] == kid
    assert [key["kid"] for key in keys.published()][:2] == [kid, before]
    rows = json.loads(path.read_text())
    long_ago = time.time() - PUBLISHED_SECONDS - 1
    path.write_text(json.dumps([row | {"retired_at": row["retired_at"] and long_ago} for row in rows]))
    assert [key["kid"] for key in Keys(path).published()] == [kid]


def test_a_withdrawn_key_is_gone_at_once_and_another_one_signs(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    signing = jwt.get_unverified_header(keys.sign({}))["kid"]

    assert keys.withdraw(signing)
    assert not keys.withdraw(signing)

    left = [key["kid"] for key in keys.published()]
    assert signing not in left
    assert jwt.get_unverified_header(keys.sign({}))["kid"] == left[0]
