"""The steps of a browser that signs in, and what it bears afterwards."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.world import PLATFORM

SESSION = "__Host-branchline"
BEGUN = "__Host-branchline-login"
OURS = {"Origin": PLATFORM.url}


def begin(browser: FlaskClient, place: str = "/") -> str:
    """Press the button, and return the address at GitHub that the browser is sent to."""
    answer = browser.post("/login", data={"next": place}, headers=OURS)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def come_back(browser: FlaskClient, address: str) -> TestResponse:
    """Return from GitHub to where it sent the browser."""
    assert address.startswith(f"{PLATFORM.url}/login/callback?")
    return browser.get(address.removeprefix(PLATFORM.url))


def enter(browser: FlaskClient, github: FakeSignIn, login: str = "ada", place: str = "/") -> TestResponse:
    return come_back(browser, github.allow(begin(browser, place), login))


def who(browser: FlaskClient) -> str | None:
    """Return who is signed in, as the browser's own pages tell."""
    page = browser.get("/login").text
    return next((login for login in ("ada", "grace") if f"<bdi>{login}</bdi>" in page), None)


def form_key(browser: FlaskClient) -> str:
    return browser.get("/login").text.partition('data-form-key="')[2].partition('"')[0]
