"""`branchline db`: the database's schema."""

import os

import click

from app.bootstrap.schema import upgrade_database


@click.group()
def db() -> None:
    """Prepare the database."""


@db.command()
def upgrade() -> None:
    """Create or upgrade the tables; safe to run twice, also at once."""
    click.echo(f"the database is at {upgrade_database(os.environ)}")
