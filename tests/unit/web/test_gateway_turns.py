import pytest

from app.errors import Conflict, Overloaded
from app.web.gateway.turns import MOST, MOST_OF_ONE, Turns


def test_one_deployment_leaves_room_for_others() -> None:
    turns = Turns()
    held = [turns.take("dpl_1") for _ in range(MOST_OF_ONE)]
    for turn in held:
        turn.__enter__()
    with pytest.raises(Overloaded), turns.take("dpl_1"):
        pass
    with turns.take("dpl_2"):
        pass
    held.pop().__exit__(None, None, None)
    with turns.take("dpl_1"):
        pass


def test_uploads_leave_threads_for_the_rest() -> None:
    turns = Turns()
    held = [turns.take(f"dpl_{number}") for number in range(MOST)]
    for turn in held:
        turn.__enter__()
    with pytest.raises(Overloaded) as caught, turns.take("dpl_9"):
        pass
    assert caught.value.retry_after_seconds > 0
    held.pop().__exit__(None, None, None)
    with turns.take("dpl_9"):
        pass


def test_a_turn_is_given_back_when_an_upload_fails() -> None:
    turns = Turns()
    for _ in range(MOST + 1):
        with pytest.raises(ZeroDivisionError), turns.take("dpl_1"), turns.alone("dpl_1"):
            1 / 0  # noqa: B018 - it fails


def test_one_upload_of_a_deployment_ends_at_a_time() -> None:
    turns = Turns()
    with turns.alone("dpl_1"), turns.alone("dpl_2"), pytest.raises(Conflict), turns.alone("dpl_1"):
        pass
    with turns.alone("dpl_1"):
        pass
