"""Tokens as GitHub makes them for workflow runs, and as nobody should: made without code of ours."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK, PyJWKClient
from jwt.algorithms import RSAAlgorithm

ISSUER: Final = "https://token.actions.githubusercontent.com"
AUDIENCE: Final = "https://branchline.test"
REPOSITORY: Final = "acme/app-1"
KEY_NAME: Final = "key-1"


@cache
def key_of(owner: str = "GitHub") -> RSAPrivateKey:
    """Return the key of GitHub, or of somebody else."""
    del owner
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(owner: str = "GitHub", name: str = KEY_NAME) -> dict[str, Any]:
    """Return a public key as a JWKS has it."""
    jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key_of(owner).public_key()))
    return {**jwk, "kid": name, "use": "sig", "alg": "RS256"}


class KeyClient(PyJWKClient):
    """A client that needs no network; `keys` is what the issuer publishes."""

    def __init__(self) -> None:
        super().__init__(f"{ISSUER}/.well-known/jwks", cache_jwk_set=False)
        self.keys = [public_jwk()]
        self.looks = 0

    def get_signing_keys(self, refresh: bool = False) -> list[PyJWK]:  # noqa: FBT001, FBT002 - its signature
        del refresh
        self.looks += 1
        return [PyJWK(key) for key in self.keys]


def workflow_ref(repository: str = REPOSITORY, ref: str = "refs/heads/main", name: str = "deploy.yml") -> str:
    """Return the claim that says which workflow file runs."""
    return f"{repository}/.github/workflows/{name}@{ref}"


def claims(**changes: Any) -> dict[str, Any]:
    """Return what GitHub says of a push to main of app 1; a claim that is given as None is left out."""
    now = int(time.time())
    ref = changes.get("ref", "refs/heads/main")
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "repo:acme@42/app-1@1:environment:production",
        "jti": str(uuid4()),
        "iat": now,
        "nbf": now - 300,
        "exp": now + 300,
        "actor": "octocat",
        "actor_id": "12",
        "base_ref": "",
        "check_run_id": "99",
        "environment": "production",
        "event_name": "push",
        "head_ref": "",
        "job_workflow_ref": workflow_ref(changes.get("repository", REPOSITORY), ref or ""),
        "job_workflow_sha": "a" * 40,
        "ref": ref,
        "ref_protected": "false",
        "ref_type": "branch",
        "repository": REPOSITORY,
        "repository_id": "1",
        "repository_owner": "acme",
        "repository_owner_id": "42",
        "repository_visibility": "public",
        "run_attempt": "1",
        "run_id": "1001",
        "run_number": "1",
        "runner_environment": "github-hosted",
        "sha": "a" * 40,
        "workflow": "Deploy",
        "workflow_ref": workflow_ref(),
        "workflow_sha": "a" * 40,
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def branch_claims(branch: str, **changes: Any) -> dict[str, Any]:
    """Return what GitHub says of a push to another branch than main."""
    return claims(**{"ref": f"refs/heads/{branch}", "environment": "preview", **changes})


def pull_claims(number: int = 7, **changes: Any) -> dict[str, Any]:
    """Return what GitHub says of a run of a pull request, which is for its trial merge."""
    said = {
        "event_name": "pull_request",
        "ref": f"refs/pull/{number}/merge",
        "head_ref": "hello",
        "base_ref": "main",
        "environment": "preview",
        "sha": "e" * 40,
    }
    return claims(**{**said, **changes})


def sign(said: Mapping[str, Any], owner: str = "GitHub", name: str | None = KEY_NAME, **headers: Any) -> str:
    """Return a token, signed with the key of `owner` and said to be signed with the key called `name`."""
    named = {"kid": name} if name is not None else {}
    return jwt.encode(dict(said), key_of(owner), algorithm="RS256", headers={**named, **headers})


def token(**changes: Any) -> str:
    """Return a token of GitHub's for a push to main."""
    return sign(claims(**changes))


def unsigned(header: Any, payload: Any, signature: str = "") -> str:
    """Return what looks like a token, whatever is in it."""
    return f"{_base64(header)}.{_base64(payload)}.{signature}"


def signed_with_public_key() -> str:
    """Return a token whose HMAC is made with what everybody knows: GitHub's public key."""
    public = key_of().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = unsigned({"alg": "HS256", "kid": KEY_NAME}, claims()).removesuffix(".")
    digest = hmac.new(public, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _base64(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
