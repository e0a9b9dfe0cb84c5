"""The command line: noun, then verb. `branchline apps create hello`.

`serve`, `jobs` and `db` run on the control plane's machine and read its settings; everything else speaks to
the HTTP API, from anywhere. Only this room knows exit codes.
"""

import importlib
import sys
import traceback
from typing import cast

import click

from app.cli.commands import COMMANDS, SECTIONS
from app.cli.exits import CALLER, US, exit_code
from app.cli.show import printable
from app.errors import BranchlineError


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        try:
            return cast("click.Command", getattr(importlib.import_module(place.module), cmd_name))
        except ModuleNotFoundError as error:
            if place.module.startswith("app."):
                raise
            missing = f"{cmd_name} needs the sandbox: pip install 'branchline[sandbox]' ({error.name})"
            return _unavailable(cmd_name, missing)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), place.about) for name, place in commands.items()])


def _unavailable(name: str, why: str) -> click.Command:
    def refuse() -> None:
        raise click.ClickException(why)

    return click.Command(name, callback=refuse, short_help=f"({why})")


@click.group(cls=_Lazy)
@click.version_option(package_name="branchline", prog_name="branchline")
def branchline() -> None:
    """From git push to a live address."""


def main() -> None:
    """Run the command line; an error is one line on stderr, with the exit code that says who can help."""
    try:
        branchline(standalone_mode=False)
    except click.Abort:
        sys.exit(CALLER)
    except click.ClickException as error:
        # Click's own code for a wrong command is 2, which here says that trying again may help.
        error.show()
        sys.exit(CALLER)
    except BranchlineError as error:
        click.echo(f"branchline: {printable(error.message)} [{printable(error.error_code)}]", err=True)
        sys.exit(exit_code(error))
    except Exception:  # noqa: BLE001 - whatever it is, it is our mistake and has to say so
        traceback.print_exc()
        sys.exit(US)
