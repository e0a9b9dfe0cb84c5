"""`branchline jobs`: run the worker and the inbox until a signal comes."""

import os

import click

from app.bootstrap.jobs import job_parts
from app.cli.logs import configure_logging
from app.jobs.process import run


@click.command()
def jobs() -> None:
    """Work jobs and deliveries off; run as many as you like beside `serve --no-jobs`."""
    configure_logging()
    run(job_parts(os.environ))
