"""What makes a repository deploy: the same bytes everywhere, and a secret that can be made again."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.environments import Environment
from app.domain.platform import DeployAuth
from app.pipeline.install import PLACES, deploy_secret, secrets_for, workflow_files
from app.ports import DeployAccess
from tests.unit.pipeline.world import WORKFLOW, World

KEY = "k" * 32


def test_every_app_gets_the_same_bytes(world: World) -> None:
    for name in ("one", "two", "three"):
        world.run(world.order(name)[1])
    installed = {
        tuple(world.repository(f"acme/{name}").files("main")[place] for place in PLACES.values())
        for name in ("one", "two", "three")
    }
    assert installed == {tuple(WORKFLOW[name] for name in PLACES)}


def test_the_workflow_has_its_places() -> None:
    assert {file.path: file.content for file in workflow_files(WORKFLOW)} == {
        ".github/workflows/deploy.yml": WORKFLOW["deploy.yml"],
        ".github/branchline/deploy.mjs": WORKFLOW["deploy.mjs"],
        ".github/branchline/record.mjs": WORKFLOW["record.mjs"],
    }


def test_no_credential_of_the_platform_is_put_into_a_repository(world: World) -> None:
    world.run(world.order()[1])
    repository = world.repository("acme/hello")
    assert repository.secrets == {}
    assert set(repository.variables) == {"BRANCHLINE_URL"}
    everything = repr((repository.secrets, repository.variables, repository.files("main")))
    assert world.scripts.access().api_token not in everything
    assert KEY not in everything


def test_branches_of_its_own_are_told_to_the_workflow(world: World) -> None:
    branches = {"trunk": Environment.PRODUCTION, "next": Environment.STAGING, "try": Environment.PREVIEW}
    world.run(world.order(branches=branches)[1])
    told = world.repository("acme/hello").variables["BRANCHLINE_ENVIRONMENTS"]
    assert told == '{"next": "staging", "trunk": "production"}'


@pytest.mark.parametrize("branches", [{}, {"lab": Environment.PREVIEW}])
def test_an_app_without_lasting_branches_tells_so(world: World, branches: dict[str, Environment]) -> None:
    world.run(world.order(branches=branches)[1])
    assert world.repository("acme/hello").variables["BRANCHLINE_ENVIRONMENTS"] == "{}"


def test_only_who_uploads_by_itself_gets_a_credential_of_the_platform() -> None:
    access = DeployAccess("https://cloudflare.test/client/v4", "account", "cloudflare-token")
    secrets = {auth: secrets_for(auth, "whsec_1", access) for auth in DeployAuth}
    assert secrets == {
        "oidc": {},
        "hmac": {"BRANCHLINE_SECRET": "whsec_1"},
        "token": {"BRANCHLINE_SECRET": "whsec_1", "CLOUDFLARE_API_TOKEN": "cloudflare-token"},
    }


def test_a_secret_stays_what_it_is() -> None:
    # Repositories hold it: another derivation would stop every app's deployments.
    assert deploy_secret(KEY, "app_1") == "whsec_pnq+agjfATWzkuCie9e5OV1Z/YTyO54tg+y2KndGkNs="


@given(st.text(min_size=32, max_size=40), st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_each_app_has_its_own_secret(key: str, one: str, other: str) -> None:
    secret = deploy_secret(key, one)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert (secret == deploy_secret(key, other)) == (one == other)


def test_another_key_makes_other_secrets() -> None:
    assert deploy_secret(KEY, "app_1") != deploy_secret("l" * 32, "app_1")
