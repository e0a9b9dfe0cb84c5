from datetime import timedelta
from itertools import count

import pytest
from itsdangerous import URLSafeTimedSerializer

from app.cloudflare.gateway.sessions import AssetSession, AssetSessions
from app.errors import Unauthenticated
from app.web.grants import LIFETIME, Grants
from tests.builders import NOON, a_deployment
from tests.fakes.clock import FakeClock

KEY = "a secret key that is long enough for anybody"
DEPLOYMENT = a_deployment()


def grants(key: str = KEY) -> Grants:
    return Grants(key, FakeClock(NOON))


def test_a_grant_names_its_deployment() -> None:
    assert grants().read(grants().issue(DEPLOYMENT), NOON) == DEPLOYMENT.id


def test_a_grant_travels_in_a_header() -> None:
    token = grants().issue(DEPLOYMENT)
    assert token.isascii()
    assert token.isprintable()
    assert " " not in token


@pytest.mark.parametrize("seconds", [0, 1, LIFETIME.total_seconds() - 1])
def test_a_grant_is_good_for_fifteen_minutes(seconds: float) -> None:
    assert timedelta(minutes=15) == LIFETIME
    assert grants().read(grants().issue(DEPLOYMENT), NOON + timedelta(seconds=seconds)) == DEPLOYMENT.id


@pytest.mark.parametrize("seconds", [-1, -30])
def test_a_grant_is_good_on_a_machine_whose_clock_is_a_little_behind(seconds: float) -> None:
    assert grants().read(grants().issue(DEPLOYMENT), NOON + timedelta(seconds=seconds)) == DEPLOYMENT.id


@pytest.mark.parametrize("seconds", [LIFETIME.total_seconds(), 86400, -31, -86400])
def test_a_grant_is_good_neither_after_nor_before_that(seconds: float) -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        grants().read(grants().issue(DEPLOYMENT), NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "x.y.z",
        "ä",
        "\0",
        "x" * 100_000,
        DEPLOYMENT.id,
        grants("another key, which is long enough, too").issue(DEPLOYMENT),
        grants().issue(DEPLOYMENT)[:-1],
        grants().issue(DEPLOYMENT) + "A",
        grants().issue(DEPLOYMENT).replace(".", "A.", 1),
        # The same key, for another purpose, or for none.
        URLSafeTimedSerializer(KEY).dumps({"deployment": DEPLOYMENT.id}),
        URLSafeTimedSerializer(KEY, salt="session").dumps({"deployment": DEPLOYMENT.id}),
        AssetSessions(KEY).issue(AssetSession(DEPLOYMENT.id, "a" * 64), NOON),
    ],
    # By number: what is signed now has another name in every process.
    ids=count(),
)
def test_what_was_not_given_out_as_a_grant_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        grants().read(token, NOON)


def test_a_grant_is_good_for_nothing_else() -> None:
    with pytest.raises(Unauthenticated):
        AssetSessions(KEY).read(grants().issue(DEPLOYMENT), NOON, is_complete=True)
