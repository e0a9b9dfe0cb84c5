"""``python -m sandbox.github``: start one sandbox GitHub and keep it up until it is told to stop."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import click

from sandbox.github.server import DirectoryInUse, Server
from sandbox.github.settings import SecondFork, Settings

MISCONFIGURED = 78


@click.command(context_settings={"show_default": True})
@click.option("--directory", type=click.Path(path_type=Path), required=True, help="Where the state lives.")
@click.option("--port", default=0, help="The port on 127.0.0.1; 0 takes a free one.")
@click.option("--org", default="acme", help="The organisation that owns the apps.")
@click.option(
    "--bot", default="branchline-bot", help="Owner of the organisation, whose token the control plane uses."
)
@click.option("--developer", default="ada", help="A member of the organisation.")
@click.option(
    "--outsider",
    default="mallory",
    help="Somebody who is no member and may write to nothing of the organisation.",
)
@click.option("--person", "people", multiple=True, help="Somebody else who has an account, and nothing else.")
@click.option("--template-name", default="template", help="The template repository in the organisation.")
@click.option(
    "--template-from",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=None,
    help="The directory with the template's files; a changed one gets a commit at the next start.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    default=None,
    help="Where the people's tokens are written as JSON {login: token}.  [default: DIRECTORY/tokens.json]",
)
@click.option(
    "--second-fork",
    type=click.Choice([choice.value for choice in SecondFork]),
    default=SecondFork.NEW.value,
    help="What an organisation gets that forks the same repository again.",
)
@click.option("--fork-delay-seconds", default=0.5, help="How long a fork stays empty.")
@click.option("--rate-limit", default=5000, help="Requests per hour and token.")
@click.option("--actions/--no-actions", "with_actions", default=True, help="Run workflows.")
@click.option("--actions-concurrency", default=2, help="Jobs that run at the same time.")
def main(template_from: Path | None, second_fork: str, **options: Any) -> None:
    """Serve a GitHub on loopback: pages and git at /, the REST API at /api/v3.

    Prints "listening on http://127.0.0.1:PORT" when it is ready. Its state survives restarts and crashes.
    """
    settings = Settings(template_from=template_from, second_fork=SecondFork(second_fork), **options)
    try:
        server = Server(settings)
    except (DirectoryInUse, OSError) as error:
        click.echo(f"cannot start: {error}", err=True)
        raise SystemExit(MISCONFIGURED) from None
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_details: stop.set())
    server.start()
    click.echo(f"listening on {server.url}")
    while not stop.wait(0.5):  # a signal between two waits is not lost
        pass
    server.close()


if __name__ == "__main__":
    main()
