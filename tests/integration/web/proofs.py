"""What the tests of how runs prove who they are share."""

from werkzeug.test import TestResponse

from tests.integration.web.world import World, deployments, error_of


def assert_refused(world: World, answer: TestResponse, code: str) -> None:
    """Check that nothing came of a request, and that its answer tells nothing about anybody else's app."""
    assert answer.status_code == 401, answer.text
    assert error_of(answer)["code"] == code, answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "app-2" not in answer.text
    assert (world.deliveries(), deployments(world), deployments(world, "app_0002")) == ([], [], [])
