"""Apps: when one has a repository that we may speak to."""

import pytest

from app.domain.apps import AppStatus
from tests.builders import a_repository, an_app


def test_an_app_is_reachable_while_it_has_a_repository_of_ours() -> None:
    assert an_app(repository=a_repository()).is_reachable
    assert not an_app().is_reachable
    assert not an_app(repository=a_repository(), status=AppStatus.DETACHED).is_reachable


def test_asking_for_a_repository_that_is_not_there_yet_is_our_mistake() -> None:
    assert an_app(repository=a_repository(7)).repository_name == "acme/app-7"
    with pytest.raises(LookupError, match="app-1 has no repository yet"):
        _ = an_app().repository_name
