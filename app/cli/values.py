"""Values of variables and secrets on the command line: where they come from, and what became of them.

A secret never comes from an argument: everybody on a machine can see the arguments of its processes.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

import click
from dotenv.parser import parse_stream

from app.cli.api import Api
from app.cli.waiting import wait_for_job
from app.domain.environments import Environment
from app.domain.variables import MAXIMUM_VALUE_BYTES
from app.errors import InvalidInput

_LINE_END_BYTES: Final = 2

environment_option = click.option(
    "--environment",
    type=click.Choice([it.value for it in Environment]),
    default=Environment.PRODUCTION.value,
    show_default=True,
)
file_option = click.option(
    "--from-file", "file", type=click.File(encoding="utf-8"), help="A .env file; nothing in it is expanded."
)


def values_of_file(file: TextIO) -> dict[str, str]:
    """Return what a .env file says.

    Raises:
        InvalidInput: a line of it says nothing; the error tells its number and not its text.
    """
    values = dict[str, str]()
    try:
        for binding in parse_stream(file):
            if binding.error or (binding.key is not None and binding.value is None):
                raise InvalidInput(f"reading {file.name}: line {binding.original.line} is not NAME=VALUE")
            if binding.key is not None:
                values[binding.key] = binding.value or ""
    except UnicodeDecodeError:
        raise InvalidInput(f"reading {file.name}: it is not UTF-8") from None
    return values


def values_of_pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return what `NAME=VALUE` arguments say. Raises InvalidInput."""
    found = [pair.partition("=") for pair in pairs]
    for name, separator, _ in found:
        if not separator:
            raise InvalidInput(f"setting variables: {name!r} is not NAME=VALUE")
    return {name: value for name, _, value in found}


def secret_of_person(name: str) -> str:
    """Ask for a secret without showing it, or read all of standard input but for the end of its last line.

    Raises:
        InvalidInput: there is nothing, too much, or no text.
    """
    if sys.stdin.isatty():
        text: str = click.prompt(name, hide_input=True, err=True)
        return text
    content = sys.stdin.buffer.read(MAXIMUM_VALUE_BYTES + _LINE_END_BYTES + 1)
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InvalidInput(f"setting {name}: standard input is not UTF-8, or too long") from None
    if not text:
        raise InvalidInput(f"setting {name}: standard input is empty; its value is read from there")
    return text


def tell(api: Api, done: str, changes: Sequence[Mapping[str, Any]], *, wait: bool, timeout: float) -> None:
    """Say what was done, when it is live if `wait` says so."""
    jobs = [job_id for change in changes if change["applied"] for job_id in change["applied"]["jobIds"]]
    if wait:
        for job_id in jobs:
            wait_for_job(api, job_id, timeout)
    if not jobs:
        click.echo(f"{done}; nothing that is live had to change")
    else:
        click.echo(f"{done}; {'live' if wait else 'going live'}")
