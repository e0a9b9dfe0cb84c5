"""Who we are on GitHub: the owner of a token, or an App's installation in one organisation."""

import threading
from typing import Any, Protocol

from github import UnknownObjectException
from github.Auth import AppAuth, AppInstallationAuth, Auth, Token
from github.Requester import Requester
from jwt import PyJWTError

from app.errors import Broken, Misconfigured, RemoteForbidden
from app.settings import GitHubSettings


class Identity(Protocol):
    """One way of being known to GitHub."""

    def auth(self) -> Auth:
        """Return credentials for one thread."""

    def app_auth(self) -> Auth:
        """Return the App's own credentials. Raises Broken when there is no App."""

    def login(self, requester: Requester) -> str:
        """Return the name under which our comments appear."""


def identity_from(settings: GitHubSettings) -> Identity:
    """Return the App's installation when an App is set, else the token's owner."""
    if settings.app_id and settings.private_key:
        return AppInstallation(settings.app_id, settings.private_key.reveal(), settings.org, settings.api_url)
    if settings.token:
        return TokenOwner(settings.token.reveal())
    raise Misconfigured("GITHUB_TOKEN", "is missing", "or set GITHUB_APP_ID and GITHUB_PRIVATE_KEY")


class TokenOwner:
    """The account that a token belongs to."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth(self) -> Auth:
        """Return the token; it may be used by any thread."""
        return Token(self._token)

    def app_auth(self) -> Auth:
        """Refuse: a token's owner is no App."""
        raise Broken("speaking to GitHub as an App: there is none")

    def login(self, requester: Requester) -> str:
        """Ask GitHub whose token this is."""
        _, user = requester.requestJsonAndCheck("GET", "/user")
        return str(user["login"])


class AppInstallation:
    """An App installed in an organisation; its installation is looked up once."""

    # https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
    def __init__(self, app_id: str, private_key: str, org: str, api_url: str) -> None:
        self._app = _app_auth(app_id, private_key)
        self._org = org
        self._api_url = api_url
        self._lock = threading.Lock()
        self._installation_id: int | None = None

    def auth(self) -> Auth:
        """Return credentials that renew their hourly token; each thread has its own token."""
        with self._lock:
            if self._installation_id is None:
                self._installation_id = self._look_up()
        return _InstallationAuth(self._app, self._installation_id)

    def app_auth(self) -> Auth:
        """Return the App's key, which signs each request for itself; it may be used by any thread."""
        return self._app

    def login(self, requester: Requester) -> str:
        """Ask GitHub what the App is called; its comments are written by `{slug}[bot]`."""
        _, app = requester.withAuth(self._app).requestJsonAndCheck("GET", "/app")
        return f"{app['slug']}[bot]"

    def _look_up(self) -> int:
        try:
            return int(self._ask(f"/orgs/{self._org}/installation")["id"])
        except UnknownObjectException as error:
            raise RemoteForbidden(
                f"finding the App's installation in {self._org}: the App is not installed there"
            ) from error

    def _ask(self, path: str) -> dict[str, Any]:
        requester = Requester(
            self._app,
            self._api_url,
            timeout=15,
            user_agent="branchline",
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
        )
        try:
            return dict(requester.requestJsonAndCheck("GET", path)[1])
        finally:
            requester.close()


def _app_auth(app_id: str, private_key: str) -> AppAuth:
    """Return the App's credentials, tried out: a key that cannot sign stops the start."""
    auth = AppAuth(app_id, private_key)
    try:
        auth.create_jwt()
    except (ValueError, PyJWTError) as error:
        remedy = "set the PEM generated on the GitHub App's settings page"
        raise Misconfigured("GITHUB_PRIVATE_KEY", "is no RSA private key", remedy) from error
    return auth


class _InstallationAuth(AppInstallationAuth):
    """Says that the installation is gone, where PyGithub would say that the thing asked for is."""

    @property
    def token(self) -> str:
        try:
            return super().token
        except UnknownObjectException as error:
            raise RemoteForbidden("asking for the App's token: the installation is gone") from error
