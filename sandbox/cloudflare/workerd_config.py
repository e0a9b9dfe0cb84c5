"""The configuration of the one workerd process, and the modules it is made of."""

import json
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

_SOURCE = files("sandbox.cloudflare") / "workerd"
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
    control_plane_url: str = ""


def find_workerd(tools: Path) -> Path:
    """Return the binary itself; `.bin/workerd` may be a script that starts it and would end in its place."""
    found = sorted(tools.glob("node_modules/@cloudflare/workerd-*/bin/workerd"))
    if not found:
        raise SystemExit(f"workerd is not installed in {tools}; `make setup` installs it")
    return found[0]


def write_config(folder: Path, setup: Setup, addresses: Addresses, token: str) -> Path:
    """Write configuration and modules into a folder; returns the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _MODULES:
        (folder / name).write_text(_SOURCE.joinpath(name).read_text())
    shutil.copyfile(setup.dispatch_worker, folder / "dispatch.js")
    shutil.copyfile(setup.tools / _ASSETS / "assets.worker.js", folder / "asset-worker.js")
    shutil.copyfile(setup.tools / _ASSETS / "router.worker.js", folder / "router-worker.js")
    path = folder / "config.capnp"
    path.write_text(_config(setup, addresses, token))
    path.chmod(0o600)
    return path


def _config(setup: Setup, addresses: Addresses, token: str) -> str:
    template = Template((_SOURCE / "config.capnp").read_text())
    return template.substitute(
        namespaces="".join(_namespace(binding, name) for binding, name in setup.bindings.items()),
        apps_domain=_text(setup.apps_domain),
        control_plane_url=_text(setup.control_plane_url),
        control_plane=_text(urlsplit(setup.control_plane_url).netloc or "127.0.0.1:0"),
        outbound=_text("control-plane" if setup.control_plane_url else "internet"),
        token=_text(token),
        bearer=_text(f"Bearer {token}"),
        state=_text(str(setup.state.resolve())),
        dispatch=_text(addresses.dispatch),
        control=_text(addresses.control),
        api=_text(addresses.api),
    )


def _namespace(binding: str, namespace: str) -> str:
    return f"""
        (name = {_text(binding)}, wrapped = (moduleName = "branchline:namespace", innerBindings = [
          (name = "namespace", text = {_text(namespace)}),
          (name = "LOADER", workerLoader = (id = "scripts")),
          (name = "DISK", service = "disk"),
          (name = "INTERNET", service = "internet"),
        ])),"""


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
