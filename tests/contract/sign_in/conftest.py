"""Each test of this folder runs twice: on the fake, and on the adapter against one sandbox."""

from collections.abc import Iterator

import pytest

from tests.contract.sign_in.doors import Door, FakeDoor, SandboxDoor


@pytest.fixture(scope="session")
def sandbox_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxDoor]:
    door = SandboxDoor(tmp_path_factory.mktemp("github"))
    yield door
    door.close()


@pytest.fixture(params=["fake", "sandbox"])
def door(request: pytest.FixtureRequest) -> Door:
    if request.param == "fake":
        return FakeDoor()
    found: SandboxDoor = request.getfixturevalue("sandbox_door")
    return found
