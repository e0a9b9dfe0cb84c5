"""What `branchline --help` says, and how little has to be loaded for it."""

import subprocess
import sys

import click
import pytest

from app.cli import branchline
from app.cli.commands import COMMANDS, SECTIONS

HEAVY = {"flask", "sqlalchemy", "httpx", "dbos", "github", "gunicorn", "sandbox"}
PROGRAM = """
import sys
from app.cli import branchline
branchline({arguments}, standalone_mode=False)
print("loaded", *sorted({heavy} & set(sys.modules)))
"""


def asked(*arguments: str) -> str:
    program = PROGRAM.format(arguments=list(arguments), heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_help_loads_nothing_of_what_it_tells_of() -> None:
    said = asked("--help")
    assert said.endswith("loaded\n")
    for section, commands in SECTIONS.items():
        assert f"{section}:" in said
        for name, place in commands.items():
            assert f"  {name} " in said
            assert f"{place.about}\n" in said  # whole, on its line of a terminal of 80 columns


def test_what_speaks_to_the_api_does_not_load_the_server() -> None:
    assert asked("apps", "--help").endswith("loaded httpx\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_where_it_is_said_to_be(name: str) -> None:
    command = branchline.get_command(click.Context(branchline), name)
    assert command is not None
    assert command.name == name
    assert command.help
