"""Issues identity tokens to the jobs of runs in progress, to each only its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.actions.grants import Grants
from sandbox.actions.oidc import claims as statements
from sandbox.actions.oidc.keys import Keys

if TYPE_CHECKING:
    from pathlib import Path

ISSUER_PATH = "/_services/token"
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
REQUEST_PATH = "/_services/pipelines/_apis/distributedtask/hubs/Actions"


class NotGrantedError(PermissionError):
    """Who asks for a token has not, or no longer, been given what it takes."""


@dataclass(frozen=True)
class _Identity:
    place: str
    claims: dict[str, str]


class Issuer:
    """The issuer of one engine, whose GitHub is at `site_url`."""

    def __init__(self, directory: Path, site_url: str) -> None:
        self.url = f"{site_url}{ISSUER_PATH}"
        self.keys = Keys(directory / "oidc_keys.json")
        self._site_url = site_url
        self._grants: Grants[_Identity] = Grants()

    def admit(self, run_id: int, job: str, claims: dict[str, str]) -> dict[str, str]:
        """Let a job have tokens with these claims until its run ends; return the variables that it needs."""
        place = f"plans/{run_id}/jobs/{job}"
        token = self._grants.issue(run_id, _Identity(place, claims))
        url = f"{self._site_url}{REQUEST_PATH}/{place}/idtoken?api-version=2.0"
        return {REQUEST_URL: url, REQUEST_TOKEN: token}

    def dismiss(self, run_id: int) -> None:
        """Issue nothing more to the jobs of a run; may run twice."""
        self._grants.end(run_id)

    def issue(self, request_token: str, place: str, audience: str) -> str:
        """Return a token for the job at `place`, to which `request_token` was given.

        An empty audience stands for the address of the repository's owner.

        Raises: NotGrantedError.
        """
        identity = self._grants.subject(request_token)
        if identity is None or identity.place != place:
            raise NotGrantedError(place)
        usual = f"{self._site_url}/{identity.claims['repository_owner']}"
        return self.keys.sign(statements.issued(identity.claims, self.url, audience or usual))
