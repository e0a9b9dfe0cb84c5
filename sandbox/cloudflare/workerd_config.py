"""The configuration of the one workerd process, and the modules it is made of."""

import json
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

_MODULES = ("main.js", "runtime.js", "assets.js", "namespace.js")
# Decided by Cloudflare's own code; see assets.js.
_ASSETS = Path("node_modules/miniflare/dist/src/workers/assets")


@dataclass(frozen=True)
class Addresses:
    """Where the process listens and whom it calls; host:port each."""

    dispatch: str
    control: str
    api: str


@dataclass(frozen=True)
class Setup:
    """What the process is made from."""

    state: Path
    tools: Path
    dispatch_worker: Path
    bindings: dict[str, str]
    apps_domain: str


def find_workerd(tools: Path) -> Path:
    """Return the binary itself; `.bin/workerd` may be a script that starts it and would end in its place."""
    found = sorted(tools.glob("node_modules/@cloudflare/workerd-*/bin/workerd"))
    if not found:
        raise SystemExit(f"workerd is not installed in {tools}; `make setup` installs it")
    return found[0]


def write_config(folder: Path, setup: Setup, addresses: Addresses, token: str) -> Path:
    """Write configuration and modules into a folder; returns the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    source = files("sandbox.cloudflare") / "workerd"
    for name in _MODULES:
        (folder / name).write_text(source.joinpath(name).read_text())
    shutil.copyfile(setup.dispatch_worker, folder / "dispatch.js")
    shutil.copyfile(setup.tools / _ASSETS / "assets.worker.js", folder / "asset-worker.js")
    shutil.copyfile(setup.tools / _ASSETS / "router.worker.js", folder / "router-worker.js")
    path = folder / "config.capnp"
    path.write_text(_config(setup, addresses, token))
    path.chmod(0o600)
    return path


def _config(setup: Setup, addresses: Addresses, token: str) -> str:
    namespaces = "".join(_namespace(binding, name) for binding, name in setup.bindings.items())
    return f"""using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  # Bounds the young generation, which a few hot scripts grow to gigabytes, and each isolate's heap: a script
  # over it ends the process, soon rather than after it has taken the machine's memory.
  v8Flags = ["--max-semi-space-size=4", "--max-old-space-size=256"],
  extensions = [(modules = [
    (name = "branchline:namespace", esModule = embed "namespace.js", internal = true),
  ])],
  services = [
    (name = "dispatch", worker = (
      modules = [
        (name = "main.js", esModule = embed "main.js"),
        (name = "runtime.js", esModule = embed "runtime.js"),
        (name = "assets.js", esModule = embed "assets.js"),
        (name = "asset-worker.js", esModule = embed "asset-worker.js"),
        (name = "router-worker.js", esModule = embed "router-worker.js"),
        (name = "dispatch.js", esModule = embed "dispatch.js"),
      ],
      compatibilityDate = "2026-11-01",
      bindings = [{namespaces}
        (name = "APPS_DOMAIN", text = {_text(setup.apps_domain)}),
        (name = "INTERNAL_TOKEN", text = {_text(token)}),
        (name = "LOADER", workerLoader = (id = "scripts")),
        (name = "DISK", service = "disk"),
        (name = "API", service = "api"),
      ],
      globalOutbound = "internet",
    )),
    (name = "disk", disk = (path = {_text(str(setup.state.resolve()))})),
    (name = "api", external = (address = {_text(addresses.api)}, http = (
      injectRequestHeaders = [(name = "authorization", value = {_text("Bearer " + token)})]))),
    # Loaded scripts inherit this: they reach the public internet and nothing on this machine or its network,
    # least of all the API beside them.
    (name = "internet", network = (allow = ["public"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [
    (name = "visitors", address = {_text(addresses.dispatch)}, http = (), service = "dispatch"),
    (name = "control", address = {_text(addresses.control)}, http = (),
      service = (name = "dispatch", entrypoint = "Control")),
  ],
);
"""


def _namespace(binding: str, namespace: str) -> str:
    return f"""
        (name = {_text(binding)}, wrapped = (moduleName = "branchline:namespace", innerBindings = [
          (name = "namespace", text = {_text(namespace)}),
          (name = "LOADER", workerLoader = (id = "scripts")),
          (name = "DISK", service = "disk"),
        ])),"""


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
