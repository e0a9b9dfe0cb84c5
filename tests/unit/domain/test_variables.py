from typing import Any

import pytest

from app.domain.environments import Environment
from app.domain.variables import MAXIMUM_VALUE_BYTES, Variable, check_value, check_variable_name
from app.errors import InvalidInput
from tests.builders import NOON


@pytest.mark.parametrize("name", ["A", "_", "API_KEY", "apiKey2", "x" * 100])
def test_a_name_is_an_identifier(name: str) -> None:
    assert check_variable_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "2FA", "A-B", "A B", "A.B", "Ä", "A\n", "x" * 101, "../A", "BRANCHLINE_COMMIT", "branchline_x"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_variable_name(name)
    assert refused.value.error_code == "variable:invalid-name"


@pytest.mark.parametrize(
    "value", ["", "x" * MAXIMUM_VALUE_BYTES, "é" * (MAXIMUM_VALUE_BYTES // 2), "a\nb\t\\"]
)
def test_a_value_is_any_text_of_five_kibibytes(value: str) -> None:
    assert check_value("A", value) == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("canary" * 1000, "its 6000 bytes are more than 5120"),
        ("é" * (MAXIMUM_VALUE_BYTES // 2) + "x", "its 5121 bytes are more than 5120"),
        ("canary\0", "it has a zero byte"),
        ("canary\ud800", "it is no valid Unicode"),
    ],
)
def test_other_values_are_refused_and_not_repeated(value: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_value("A", value)
    assert str(refused.value) == f"setting A: {problem}"
    assert refused.value.error_code == "variable:invalid-value"
    assert (refused.value.__cause__, refused.value.details) == (None, {"name": "A"})


@pytest.mark.parametrize("show", [repr, str, lambda it: f"{it}", lambda it: f"{[it]}"])
def test_a_variable_does_not_show_its_value(show: Any) -> None:
    variable = Variable(
        "app_1", Environment.STAGING, "A", "canary", is_secret=True, updated_at=NOON, actor="x"
    )
    assert "canary" not in show(variable)
    assert variable.place == "app_1/staging/A"
