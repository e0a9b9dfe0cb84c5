"""`python -m sandbox.cloudflare`: serve the API and the dispatch worker until a signal ends it."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.cloudflare.server import Options, Server
from sandbox.cloudflare.workerd_config import find_workerd

_REPOSITORY = Path(__file__).resolve().parents[2]


def parse(arguments: list[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.cloudflare", description=__doc__)
    add = parser.add_argument
    add("--directory", type=Path, required=True, help="where namespaces, scripts, assets and logs are kept")
    add("--port", type=int, default=0, help="of the API; 0 picks a free one")
    add("--dispatch-port", type=int, default=0, help="of the dispatch worker; 0 picks a free one")
    add("--account-id", help="32 hexadecimal digits; made up once and kept when not given")
    add("--token-file", type=Path, help="file with the API token; made up once and kept when not given")
    add("--token-env", metavar="NAME", help="environment variable with the API token")
    add("--namespace", action="append", default=[], metavar="NAME", help="create if missing; repeatable")
    add(
        "--binding",
        action="append",
        default=[],
        metavar="BINDING=NAMESPACE",
        help="of the dispatch worker; repeatable",
    )
    add("--apps-domain", default="apps.localhost", help="one label below it is a script; without a port")
    add(
        "--control-plane-url",
        type=_loopback,
        metavar="URL",
        help="whom the dispatch worker asks what became of an address; nobody when not given",
    )
    add("--dispatch-worker", type=Path, default=_REPOSITORY / "dispatch_worker/src/dispatch.js")
    add("--workerd", type=Path, help="the binary; from the tools when not given")
    add(
        "--stall-seconds",
        type=float,
        default=10.0,
        help="after which a runtime that does not answer is replaced",
    )
    add("--rate-limit", type=int, default=1200, help="API requests per 5 minutes")
    return _options(parser, parser.parse_args(arguments))


def _options(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Options:
    tools = Path(os.environ.get("BRANCHLINE_TOOLS", _REPOSITORY / ".sandbox/tools"))
    pairs = [pair.partition("=") for pair in given.binding]
    if not all(name and namespace for name, _, namespace in pairs):
        parser.error("--binding expects BINDING=NAMESPACE")
    return Options(
        directory=given.directory,
        port=given.port,
        dispatch_port=given.dispatch_port,
        account_id=given.account_id,
        token=_token(parser, given),
        namespaces=tuple(given.namespace),
        bindings={name: namespace for name, _, namespace in pairs},
        apps_domain=given.apps_domain,
        control_plane_url=given.control_plane_url or "",
        dispatch_worker=given.dispatch_worker,
        tools=tools,
        workerd=given.workerd or find_workerd(tools),
        stall_seconds=given.stall_seconds,
        rate_limit=given.rate_limit,
    )


def _loopback(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "localhost"} or parts.path.strip("/"):
        raise argparse.ArgumentTypeError("expected http://127.0.0.1:PORT")
    return url.rstrip("/")


def _token(parser: argparse.ArgumentParser, given: argparse.Namespace) -> str | None:
    if given.token_file:
        return str(given.token_file.read_text().strip())
    if given.token_env:
        return os.environ.get(given.token_env) or parser.error(f"{given.token_env} is not set")
    return None


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with Server(parse()) as server:
        print(f"listening on {server.url}", flush=True)  # noqa: T201 - the parent waits for this line
        while not stopping.wait(0.5):  # a signal between two waits is not lost
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
