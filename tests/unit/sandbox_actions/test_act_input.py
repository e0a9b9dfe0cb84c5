"""What act is given of a workflow file."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox.actions.act_input import adapted

_TEXT = """# kept
name: CI
on: [push]
jobs:
  build:
    runs-on: ubuntu-latest
    environment:
      name: ${{ github.ref_name == 'main' && 'production' || 'preview' }}
      deployment: false
    env: &shared {SIZE: 1.10, YES: yes}
    steps:
      - run: |
          echo "one"
            two
      - uses: a/b@v1
        with: {version: 1.10, text: "a\\tb"}
  test: {runs-on: ubuntu-latest, env: *shared, steps: [{run: x}]}
  last: {runs-on: ubuntu-latest, environment: production, steps: [{run: x}]}
"""


def _jobs(text: str) -> Any:
    return yaml.load(text, yaml.BaseLoader)["jobs"]  # noqa: S506 - BaseLoader makes text of everything


def test_what_act_does_not_know_is_left_out() -> None:
    jobs = _jobs(adapted(_TEXT, {}))

    assert jobs["build"]["environment"] == {
        "name": "${{ github.ref_name == 'main' && 'production' || 'preview' }}"
    }
    assert jobs["last"]["environment"] == "production"
    expected = _jobs(_TEXT)
    del expected["build"]["environment"]["deployment"]
    assert jobs == expected


def test_a_job_gets_its_variables_and_no_other_jobs() -> None:
    jobs = _jobs(adapted(_TEXT, {"build": {"TOKEN": "t: 'x' # y"}, "last": {"TOKEN": "z"}}))

    assert jobs["build"]["env"] == {"SIZE": "1.10", "YES": "yes", "TOKEN": "t: 'x' # y"}
    assert jobs["test"]["env"] == {"SIZE": "1.10", "YES": "yes"}
    assert jobs["last"]["env"] == {"TOKEN": "z"}


def test_a_variable_of_the_jobs_own_gives_way() -> None:
    jobs = _jobs(adapted("on: push\njobs: {a: {env: {TOKEN: own, OTHER: kept}}}", {"a": {"TOKEN": "ours"}}))

    assert jobs["a"]["env"] == {"OTHER": "kept", "TOKEN": "ours"}


def test_a_file_with_nothing_to_change_stays_as_it_is() -> None:
    text = "# a comment\non: push\njobs:\n  a: {runs-on: x,   steps: [{run: y}]}\n"

    assert adapted(text, {}) == text
    assert adapted(text, {"b": {"TOKEN": "x"}}) == text
