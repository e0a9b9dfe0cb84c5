"""`branchline jobs`: run the worker and the inbox until a signal comes, or tell whether they run."""

import os

import click

from app.bootstrap.liveness import check_jobs


@click.command()
@click.option(
    "--check", is_flag=True, help="Run nothing; tell by the exit code whether one of this machine lives."
)
def jobs(*, check: bool) -> None:
    """Work jobs and deliveries off; run as many as you like beside `serve --no-jobs`."""
    if check:
        check_jobs(os.environ)
        return
    # Asking whether they run should not load what they need.
    from app.bootstrap.jobs import job_parts  # noqa: PLC0415
    from app.cli.logs import configure_logging  # noqa: PLC0415
    from app.jobs.process import run  # noqa: PLC0415

    configure_logging()
    run(job_parts(os.environ))
