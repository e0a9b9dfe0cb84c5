"""Signing in: what a code is good for, what a device is told, and whose a token is."""

from urllib.parse import parse_qs, urlsplit

import pytest

from app.errors import TooManyRequests, Unauthenticated
from tests.contract.sign_in.doors import Door
from tests.fakes.sign_in import challenge_of

HERE = "http://127.0.0.1:4711/login/callback"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"


def question(door: Door) -> str:
    return door.port.address(state="s t&te", challenge=challenge_of(VERIFIER), redirect_uri=HERE)


def told(address: str) -> dict[str, str]:
    assert address.startswith(HERE)
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def signed_in(door: Door, login: str = "ada") -> str:
    code = told(door.allow(question(door), login))["code"]
    return door.port.exchange(code=code, verifier=VERIFIER, redirect_uri=HERE)


def test_a_code_becomes_a_token_of_whoever_said_yes(door: Door) -> None:
    assert told(door.allow(question(door)))["state"] == "s t&te"
    account = door.port.account(signed_in(door))
    assert account.login == "ada"
    assert account.id > 0


def test_each_sign_in_has_a_token_of_its_own(door: Door) -> None:
    assert signed_in(door) != signed_in(door)


def test_who_says_no_leaves_no_code(door: Door) -> None:
    answer = told(door.deny(question(door)))
    assert answer["error"] == "access_denied"
    assert answer["state"] == "s t&te"
    assert "code" not in answer


def test_a_code_is_good_once(door: Door) -> None:
    code = told(door.allow(question(door)))["code"]
    door.port.exchange(code=code, verifier=VERIFIER, redirect_uri=HERE)
    refused(door, code)


def refused(door: Door, code: str, verifier: str = VERIFIER) -> None:
    with pytest.raises(Unauthenticated) as caught:
        door.port.exchange(code=code, verifier=verifier, redirect_uri=HERE)
    assert caught.value.error_code == "sign-in:code-refused"


def test_a_code_that_was_never_given_is_refused(door: Door) -> None:
    refused(door, "never-given")


def test_a_code_needs_the_verifier_that_asked_for_it(door: Door) -> None:
    refused(door, told(door.allow(question(door)))["code"], verifier="x" * 43)


def test_a_device_waits_until_its_owner_said_yes(door: Door) -> None:
    codes = door.port.begin_device()
    assert codes.verification_uri.endswith("/login/device")
    assert codes.interval_seconds >= 1
    assert codes.expires_in_seconds > codes.interval_seconds
    assert door.port.finish_device(codes.device_code) is None
    door.decide(codes.user_code)
    token = door.port.finish_device(codes.device_code)
    assert token is not None
    assert door.port.account(token).login == "ada"


def test_a_device_is_finished_once(door: Door) -> None:
    codes = door.port.begin_device()
    door.decide(codes.user_code)
    assert door.port.finish_device(codes.device_code)
    with pytest.raises(Unauthenticated):
        door.port.finish_device(codes.device_code)


def test_a_device_whose_owner_says_no_is_told_so(door: Door) -> None:
    codes = door.port.begin_device()
    door.decide(codes.user_code, is_allowed=False)
    with pytest.raises(Unauthenticated) as caught:
        door.port.finish_device(codes.device_code)
    assert caught.value.error_code == "sign-in:denied"


def test_a_device_that_asks_too_often_is_told_how_often_it_may(door: Door) -> None:
    codes = door.port.begin_device()
    assert door.port.finish_device(codes.device_code) is None
    with pytest.raises(TooManyRequests) as caught:
        door.port.finish_device(codes.device_code)
    assert caught.value.retry_after_seconds > codes.interval_seconds


def test_an_unknown_device_is_refused(door: Door) -> None:
    with pytest.raises(Unauthenticated):
        door.port.finish_device("unknown")


def test_a_token_that_was_taken_back_is_nobodys(door: Door) -> None:
    token, other = signed_in(door), signed_in(door)
    door.port.revoke(token)
    door.port.revoke(token)
    with pytest.raises(Unauthenticated):
        door.port.account(token)
    assert door.port.account(other).login == "ada"


def test_a_token_that_never_was_is_nobodys(door: Door) -> None:
    with pytest.raises(Unauthenticated):
        door.port.account("gho_never")
