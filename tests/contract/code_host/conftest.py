"""Each test of this folder runs twice: on the fake, and on the adapter against one sandbox."""

from collections.abc import Iterator

import pytest

from tests.contract.code_host.hosts import (
    ORG,
    TEMPLATE,
    CodeHost,
    FakeHost,
    SandboxHost,
    eventually,
    new_name,
)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    """Start one sandbox for the whole suite; each test has repositories of its own."""
    running = SandboxHost(tmp_path_factory.mktemp("github"))
    yield running
    running.close()


@pytest.fixture(params=["fake", "sandbox"])
def host(request: pytest.FixtureRequest) -> CodeHost:
    if request.param == "fake":
        return FakeHost()
    sandbox: SandboxHost = request.getfixturevalue("sandbox")
    return sandbox


@pytest.fixture
def shop(host: CodeHost) -> str:
    """Return a repository made from the template."""
    name = new_name("shop")
    return host.repositories.generate(TEMPLATE, ORG, name, is_private=False).full_name


@pytest.fixture
def fork(host: CodeHost) -> str:
    """Return a fork of the template that is filled."""
    made = host.repositories.fork(TEMPLATE, ORG, new_name("fork"))
    eventually(lambda: host.contents.head(made.full_name, "main"))
    return made.full_name
