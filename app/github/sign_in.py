"""Signing in with GitHub: the web flow with PKCE, the device flow, and whose a token is.

It asks for no scope: who somebody is, is public. As a GitHub App its tokens see what the App is installed on.
What comes of a sign-in here is not known.
https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlencode

import httpx

from app.errors import (
    BranchlineError,
    RateLimited,
    RemoteForbidden,
    RemoteRefused,
    RemoteUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from app.github.fields import Fields, understood
from app.ports import Clock
from app.ports.people import Account, DeviceCodes
from app.settings import SignInSettings

_TIMEOUT: Final = httpx.Timeout(10, connect=5)
_LIMITS: Final = httpx.Limits(max_connections=10, max_keepalive_connections=2)
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_UNSTATED_PAUSE_SECONDS: Final = 60
_LONGEST_PAUSE_SECONDS: Final = 3600
_SLOWER_SECONDS: Final = 10
_LONGEST_WORD: Final = 60
_NONE_SUCH: Final = frozenset({httpx.codes.NOT_FOUND, httpx.codes.UNPROCESSABLE_ENTITY})
# What is over for the person who asked: they begin again.
_OVER: Final[Mapping[str, tuple[str, str]]] = {
    "bad_verification_code": ("sign-in:code-refused", "its code is wrong, used or too old; begin again"),
    "expired_token": ("sign-in:device-expired", "nobody typed its code in for too long; begin again"),
    "incorrect_device_code": ("sign-in:device-unknown", "this is no device's code; begin again"),
    "access_denied": ("sign-in:denied", "whoever was asked on GitHub said no"),
    "unverified_user_email": (
        "sign-in:unverified",
        "the account's e-mail address is not verified; verify it on GitHub",
    ),
}
# What the operator has to mend, on the application's page at GitHub or in our settings.
_WRONG: Final[Mapping[str, str]] = {
    "incorrect_client_credentials": "it does not know GITHUB_CLIENT_ID with GITHUB_CLIENT_SECRET",
    "redirect_uri_mismatch": "BRANCHLINE_URL/login/callback is none of the application's callback addresses",
    "device_flow_disabled": "the application has its device flow switched off",
    "application_suspended": "the application is suspended",
}


class GitHubSignIn:
    """Port `SignIn`, as one application of one GitHub; `transport` is for tests."""

    def __init__(
        self, settings: SignInSettings, clock: Clock, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._http = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "branchline"},
            timeout=_TIMEOUT,
            limits=_LIMITS,
            transport=transport,
        )

    def address(self, *, state: str, challenge: str, redirect_uri: str) -> str:
        """Return where a browser goes to be asked; `challenge` is PKCE's, by S256."""
        asked = {
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._settings.url}/login/oauth/authorize?{urlencode(asked)}"

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the token for a code. Raises Unauthenticated when it is not, or no more, good for one."""
        doing = "signing in with GitHub"
        given = {
            "client_secret": self._settings.client_secret.reveal(),
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        with understood(doing):
            return self._granted("oauth/access_token", given, doing).text("access_token")

    def begin_device(self) -> DeviceCodes:
        """Begin the sign-in of a device without a browser of its own."""
        doing = "beginning the sign-in of a device with GitHub"
        with understood(doing):
            answer = self._granted("device/code", {}, doing)
            return DeviceCodes(
                device_code=answer.text("device_code"),
                user_code=answer.text("user_code"),
                verification_uri=answer.text("verification_uri"),
                expires_in_seconds=answer.number("expires_in"),
                interval_seconds=answer.number("interval"),
            )

    def finish_device(self, device_code: str) -> str | None:
        """Return a device's token, or None while its owner thinks.

        Raises:
            Unauthenticated: its owner said no, or too much time has passed.
            TooManyRequests: it was asked too early, and has to be asked less often from now on.
        """
        doing = "signing in a device with GitHub"
        given = {"device_code": device_code, "grant_type": _DEVICE_GRANT}
        with understood(doing):
            answer = self._granted("oauth/access_token", given, doing)
            return None if answer.has("error") else answer.text("access_token")

    def account(self, token: str) -> Account:
        """Return whose token it is. Raises Unauthenticated."""
        doing = "asking GitHub who signed in"
        request = self._http.build_request(
            "GET", f"{self._settings.api_url}/user", headers={"Authorization": f"Bearer {token}"}
        )
        response = self._send(request, doing)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise Unauthenticated(f"{doing}: it takes the token no more", code="sign-in:token-refused")
        with understood(doing):
            told = self._read(response, doing)
            return Account(
                id=told.number("id"),
                login=told.text("login"),
                name=told.text_or_none("name"),
                avatar_url=told.text_or_none("avatar_url"),
            )

    def revoke(self, token: str) -> None:
        """Have it good no more; one that is not is no error."""
        # https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-token
        settings, doing = self._settings, "revoking a token of GitHub"
        request = self._http.build_request(
            "DELETE",
            f"{settings.api_url}/applications/{quote(settings.client_id, safe='')}/token",
            json={"access_token": token},
        )
        auth = httpx.BasicAuth(settings.client_id, settings.client_secret.reveal())
        response = self._send(request, doing, auth=auth)
        if not response.is_success and response.status_code not in _NONE_SUCH:
            raise RemoteRefused(f"{doing}: it answered {response.status_code}")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _granted(self, place: str, given: Mapping[str, str], doing: str) -> Fields:
        """Return the answer; there is an `error` in it only while a device's owner thinks."""
        body = {"client_id": self._settings.client_id, **given}
        request = self._http.build_request("POST", f"{self._settings.url}/login/{place}", data=body)
        answer = self._read(self._send(request, doing), doing)
        word = answer.text_or_none("error")
        if word in {None, "authorization_pending"}:
            return answer
        raise _refusal(str(word), answer, doing)

    def _send(self, request: httpx.Request, doing: str, *, auth: httpx.Auth | None = None) -> httpx.Response:
        try:
            response = self._http.send(request, auth=auth)
        except httpx.HTTPError as error:
            raise RemoteUnavailable(f"{doing}: GitHub did not answer ({type(error).__name__})") from error
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            pause = timedelta(seconds=_pause_seconds(response))
            raise RateLimited(f"{doing}: GitHub asks for a pause", retry_at=self._clock() + pause)
        if response.is_server_error:
            raise RemoteUnavailable(f"{doing}: GitHub answered {response.status_code}")
        return response

    def _read(self, response: httpx.Response, doing: str) -> Fields:
        if not response.is_success:
            raise RemoteRefused(f"{doing}: GitHub answered {response.status_code}")
        return Fields.from_body(response.content, "GitHub's answer")


def _refusal(word: str, answer: Fields, doing: str) -> BranchlineError:
    """Return the error for GitHub's word of it."""
    # https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
    if word == "slow_down":
        seconds = answer.number("interval") if answer.has("interval") else _SLOWER_SECONDS
        return TooManyRequests(f"{doing}: it is asked too often", retry_after_seconds=seconds)
    if word in _OVER:
        code, reason = _OVER[word]
        return Unauthenticated(f"{doing}: {reason}", code=code)
    reason = _WRONG.get(word, f"it says {word[:_LONGEST_WORD]}")
    return RemoteForbidden(f"{doing}: {reason}; an operator has to mend that", code="sign-in:misconfigured")


def _pause_seconds(response: httpx.Response) -> int:
    text = response.headers.get("Retry-After", "")
    seconds = int(text) if text.isdecimal() else _UNSTATED_PAUSE_SECONDS
    return min(max(seconds, 1), _LONGEST_PAUSE_SECONDS)
