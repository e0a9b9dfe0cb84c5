from datetime import timedelta
from typing import Any

import jwt
import pytest

from app.cloudflare.gateway.sessions import LIFETIME, AssetSession, AssetSessions
from app.errors import Unauthenticated
from tests.builders import NOON

SESSIONS = AssetSessions("a secret key that is long enough for anybody")
SESSION = AssetSession("dpl_1", "a" * 64)


def test_a_token_says_what_it_was_given() -> None:
    assert SESSIONS.read(SESSIONS.issue(SESSION, NOON), NOON, is_complete=False) == SESSION


def test_wrangler_reads_the_expiry_and_sends_buckets() -> None:
    claims = jwt.decode(SESSIONS.issue(SESSION, NOON), options={"verify_signature": False})
    assert claims["exp"] == (NOON + LIFETIME).timestamp()
    assert "wrangler_single_asset_uploads" not in claims


def test_wrangler_can_be_asked_for_one_file_at_a_time() -> None:
    token = SESSIONS.issue(SESSION, NOON, one_by_one=True)
    claims = jwt.decode(token, options={"verify_signature": False})
    # Only `true` itself counts for wrangler, and a number of its own for how many at once.
    assert claims["wrangler_single_asset_uploads"] is True
    assert claims["edge_kv_upload_concurrency"] == 3
    assert SESSIONS.read(token, NOON, is_complete=False) == SESSION


def test_a_token_ends() -> None:
    token = SESSIONS.issue(SESSION, NOON)
    SESSIONS.read(token, NOON + LIFETIME - timedelta(seconds=1), is_complete=False)
    with pytest.raises(Unauthenticated, match="expired"):
        SESSIONS.read(token, NOON + LIFETIME, is_complete=False)


@pytest.mark.parametrize("is_complete", [True, False])
def test_the_two_kinds_are_not_mixed_up(*, is_complete: bool) -> None:
    token = SESSIONS.issue(AssetSession("dpl_1", "a" * 64, is_complete), NOON)
    with pytest.raises(Unauthenticated):
        SESSIONS.read(token, NOON, is_complete=not is_complete)


def forged(**claims: Any) -> str:
    told = {"deployment": "dpl_1", "manifest": "a" * 64, "complete": True, "exp": 2**33, **claims}
    return jwt.encode(told, "another key, which is as long as ours is, or longer", "HS256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "ä.ö.ü",
        forged(),
        jwt.encode({"deployment": "dpl_1", "complete": True, "exp": 2**33}, "", "none"),
        AssetSessions("another secret key").issue(SESSION, NOON),
        "eyJ" * 9000,
    ],
)
def test_what_was_not_given_out_here_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        SESSIONS.read(token, NOON, is_complete=True)


def test_a_changed_token_is_refused() -> None:
    head, claims, signature = SESSIONS.issue(SESSION, NOON).split(".")
    other = SESSIONS.issue(AssetSession("dpl_2", "b" * 64), NOON).split(".")
    with pytest.raises(Unauthenticated):
        SESSIONS.read(f"{head}.{other[1]}.{signature}", NOON, is_complete=False)
    with pytest.raises(Unauthenticated):
        SESSIONS.read(f"{head}.{claims}.{other[2]}", NOON, is_complete=False)
