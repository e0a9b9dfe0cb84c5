"""`branchline restore`: an address that was taken down answers again."""

import click

from app.cli.api import Api, pass_api
from app.cli.waiting import wait_for_job


@click.command()
@click.argument("deployment")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for it.")
@pass_api
def restore(api: Api, deployment: str, timeout: float) -> None:
    """Have a deployment answer at its own address again."""
    answer = api.post("deployments", deployment, "restore", body={})
    if answer["jobId"] is not None:
        wait_for_job(api, answer["jobId"], timeout)
    click.echo(answer["immutableUrl"])
