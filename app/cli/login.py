"""`branchline login`, `logout`, `whoami`: this machine acts as somebody, with a token that is theirs.

The control plane is asked, and it asks GitHub: no token of GitHub's comes here.
"""

import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import click

from app.cli import credentials
from app.cli.api import Api, address_of, pass_api
from app.cli.show import json_option, printable, show_fields, show_json
from app.errors import BranchlineError, RemoteUnavailable, Unauthenticated

_SCOPES: Final = ("apps:read", "deploy", "admin")
_LONGEST_NAME: Final = 60


@click.command()
@click.argument("url", required=False)
@click.option("--name", help="What the token is called in records.  [default: this machine's name]")
@click.option(
    "--scope", type=click.Choice(_SCOPES), default="admin", show_default=True, help="How much at most."
)
def login(url: str | None, name: str | None, scope: str) -> None:
    """Sign in with GitHub at a control plane (BRANCHLINE_URL), and let this machine act as you.

    The token lasts ninety days, and is kept in a file that only you can read.
    """
    url = address_of(url)
    api, before = Api(url), credentials.token_for(url)
    begun = api.post("login", "device", body={})
    click.echo(
        f"Open {printable(begun['verificationUri'])} and enter {printable(begun['userCode'])}", err=True
    )
    named = (name or platform.node() or "terminal")[:_LONGEST_NAME]
    made = _wait(api, begun, {"deviceCode": begun["deviceCode"], "name": named, "scope": scope})
    credentials.keep(url, made["token"])
    if before is not None:
        with suppress(BranchlineError):
            Api(url, before).delete("tokens", "current")
    told = Api(url, made["token"]).get("me")
    click.echo(f"signed in at {url} as {printable(told['person']['login'])}")


@click.command()
@click.argument("url", required=False)
@click.option("--forget", is_flag=True, help="Only forget the token here: until it ends it stays good.")
def logout(url: str | None, *, forget: bool) -> None:
    """Take this machine's token back, and forget it."""
    url = address_of(url)
    token = credentials.token_for(url)
    if token is None:
        click.echo(f"nobody is signed in at {url}", err=True)
        return
    if not forget:
        _take_back(url, token)
    credentials.forget(url)
    click.echo(f"forgot the token for {url}, which stays good" if forget else f"signed out at {url}")


@click.command()
@json_option
@pass_api
def whoami(api: Api, *, as_json: bool) -> None:
    """Show who the control plane takes you for."""
    told = api.get("me")
    if as_json:
        show_json(told)
        return
    person = told["person"] or {}
    show_fields(
        {
            "login": person.get("login"),
            "name": person.get("name"),
            "actor": told["actor"],
            "level": "operator" if told["isOperator"] else told["level"],
            "app": told["appId"],
        }
    )


def _take_back(url: str, token: str) -> None:
    """Have a token good no more.

    Raises:
        BranchlineError: it may still be good; how to go on is said on stderr.
    """
    try:
        Api(url, token).delete("tokens", "current")
    except Unauthenticated:
        return  # it was over already
    except BranchlineError:
        click.echo(
            "the token may still be good, and is kept here; try again, or forget it on this machine only: "
            f"branchline logout --forget {url}",
            err=True,
        )
        raise


def _wait(api: Api, begun: Mapping[str, Any], body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the token once the person has decided.

    Raises:
        Unauthenticated: they said no, or their time is over.
        RemoteUnavailable: nobody decided.
    """
    pause: float = begun["intervalSeconds"]
    deadline = time.monotonic() + begun["expiresInSeconds"]
    while time.monotonic() < deadline:
        time.sleep(pause)
        try:
            answer = api.post("login", "device", "token", body=body)
        except RemoteUnavailable as error:
            # It was too early, or the network is away for a moment.
            pause = max(pause, float(error.details.get("retryAfterSeconds", 0)))
        else:
            if "token" in answer:
                return answer
    raise RemoteUnavailable("signing in: nobody entered the code in time; begin again")
