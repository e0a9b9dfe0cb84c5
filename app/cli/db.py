"""`branchline db`: the database's schema, its backup and its health, on the control plane's machine."""

import os
from pathlib import Path

import click

from app.bootstrap.schema import back_up_database, copy_into_database, upgrade_database
from app.errors import Misconfigured


@click.group()
def db() -> None:
    """Prepare, back up and check the database."""


@db.command()
def upgrade() -> None:
    """Create or upgrade the tables; safe to run twice, also at once, and while older processes serve."""
    click.echo(f"the database is at {upgrade_database(os.environ)}")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write an SQLite database to FILE, as it is now, while everything runs."""
    made = back_up_database(os.environ, file)
    click.echo(f"{made.path}: {made.size_bytes / 1024 / 1024:.1f} MiB in {made.seconds:.2f} s")


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def copy(file: Path) -> None:
    """Copy the SQLite database FILE into the empty one of DATABASE_URL, while nothing runs."""
    copied = copy_into_database(os.environ, file)
    click.echo(f"copied {sum(copied.values())} rows of {len(copied)} tables")


@db.command()
@click.option("--deep", is_flag=True, help="Read every byte of the bundle store.")
def check(*, deep: bool) -> None:
    """Look whether the database is whole and the bundle store has what it tells of."""
    # The others need no settings but the database's address.
    from app.bootstrap.checking import check_database  # noqa: PLC0415

    found = check_database(os.environ, deep=deep)
    for damage in found.damages:
        click.echo(f"damage: {damage}", err=True)
    for digest in found.used.incomplete:
        is_live = " (live)" if digest in found.live.incomplete else ""
        click.echo(f"bundle {digest} is not whole{is_live}", err=True)
    for sha256 in found.lost_archives:
        click.echo(f"archive {sha256} of events is not there, or damaged", err=True)
    click.echo(
        f"{found.used.bundles} bundles in use, {found.live.bundles} live; "
        f"{found.lost_jobs} unfinished jobs that the engine does not know"
    )
    if found.damages:
        raise Misconfigured("DATABASE_URL", "names a damaged database", "restore it from a backup")
    if found.used.incomplete:
        raise Misconfigured(
            "BRANCHLINE_BUNDLES",
            f"lacks parts of {len(found.used.incomplete)} bundles, {len(found.live.incomplete)} of them live",
            "restore them from a backup, or deploy again what they belong to",
        )
    if found.lost_archives:
        raise Misconfigured(
            "BRANCHLINE_BUNDLES",
            f"lacks {len(found.lost_archives)} archives of events",
            "restore them from a backup: nothing else holds these events",
        )
