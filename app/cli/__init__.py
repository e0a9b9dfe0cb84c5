"""The command line: noun, then verb. `branchline apps create hello`.

`serve`, `jobs` and `db` run on the control plane's machine and read its settings; everything else speaks to
the HTTP API, from anywhere. Only this room knows exit codes.
"""

import importlib
import sys
import traceback
from typing import Final, cast

import click

from app.cli.exits import CALLER, US, exit_code
from app.cli.show import printable
from app.errors import BranchlineError

# Loaded when named: `branchline apps list` should not pay for the server, nor need the sandbox's packages.
_COMMANDS: Final = {
    "apps": ("app.cli.apps", "apps"),
    "deployments": ("app.cli.deployments", "deployments"),
    "rollback": ("app.cli.releases", "rollback"),
    "resume": ("app.cli.releases", "resume"),
    "promote": ("app.cli.releases", "promote"),
    "redeploy": ("app.cli.releases", "redeploy"),
    "restore": ("app.cli.restore", "restore"),
    "previews": ("app.cli.previews", "previews"),
    "files": ("app.cli.files", "files"),
    "commit": ("app.cli.repository", "commit"),
    "sync": ("app.cli.repository", "sync"),
    "export": ("app.cli.repository", "export"),
    "variables": ("app.cli.variables", "variables"),
    "secrets": ("app.cli.secrets", "secrets"),
    "workers": ("app.cli.workers", "workers"),
    "drift": ("app.cli.drift", "drift"),
    "reconcile": ("app.cli.drift", "reconcile"),
    "deliveries": ("app.cli.deliveries", "deliveries"),
    "events": ("app.cli.events", "events"),
    "login": ("app.cli.login", "login"),
    "logout": ("app.cli.login", "logout"),
    "whoami": ("app.cli.login", "whoami"),
    "tokens": ("app.cli.tokens", "tokens"),
    "db": ("app.cli.db", "db"),
    "bundles": ("app.cli.bundles", "bundles"),
    "serve": ("app.cli.serve", "serve"),
    "jobs": ("app.cli.jobs", "jobs"),
    "sandbox": ("sandbox.cli", "sandbox"),
    "demo": ("sandbox.cli", "demo"),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        try:
            return cast("click.Command", getattr(importlib.import_module(module), name))
        except ModuleNotFoundError as error:
            if module.startswith("app."):
                raise
            missing = f"{cmd_name} needs the sandbox: pip install 'branchline[sandbox]' ({error.name})"
            return _unavailable(cmd_name, missing)


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
