"""The page on security says of every act what it takes, as the code does."""

import re
from pathlib import Path

import pytest

from app.domain.environments import Environment
from app.domain.rights import Act, Level, Scope, is_about_an_app, needed

PAGE = (Path(__file__).parents[2] / "docs/security.md").read_text()
ROWS = {
    found[1]: (found[2], found[3])
    for found in re.finditer(r"^\| `([a-z-]+)`: [^|]+ \| ([^|]+?) \| ?([^|]*?) ?\|$", PAGE, re.MULTILINE)
}


def test_every_act_is_in_the_table() -> None:
    assert ROWS.keys() == {act.value for act in Act}


@pytest.mark.parametrize("act", [act for act in Act if is_about_an_app(act)])
def test_the_table_says_what_an_act_takes(act: Act) -> None:
    usual, in_production = needed(act), needed(act, Environment.PRODUCTION)
    said = (usual.word, in_production.word if in_production is not usual else "")
    assert ROWS[act.value] == said
    assert {needed(act, it) for it in Environment if it is not Environment.PRODUCTION} == {usual}


@pytest.mark.parametrize("scope", Scope)
def test_the_page_says_what_a_scope_is_good_for(scope: Scope) -> None:
    assert scope.cap > Level.NONE
    assert f"`{scope.value}` as *{scope.cap.word}*" in PAGE
