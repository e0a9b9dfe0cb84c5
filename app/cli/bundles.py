"""`branchline bundles`: prune. Works on the machine of the control plane, with its settings."""

import os
from datetime import timedelta

import click

from app.bootstrap.pruning import prune_bundles


@click.group()
def bundles() -> None:
    """Look after the bundle store (on the control plane's machine)."""


@bundles.command()
@click.option(
    "--older-than-hours",
    type=click.IntRange(min=1),
    default=24,
    show_default=True,
    help="Leave what was written since; longer than any upload takes.",
)
def prune(older_than_hours: int) -> None:
    """Delete what no deployment and no worker needs any more."""
    done = prune_bundles(os.environ, older_than=timedelta(hours=older_than_hours))
    missing = f", {done.missing} of them missing from the store" if done.missing else ""
    click.echo(f"deleted {done.deleted} blobs; {done.kept} bundles are in use{missing}")
