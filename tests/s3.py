"""A real S3-compatible server on loopback: SeaweedFS, which checks signatures as Amazon does."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from app.bundles.places import bundles_in
from app.errors import BranchlineError
from app.settings import BucketSettings, Secret
from sandbox.ports import free_port
from sandbox.waiting import wait_for

_KEY: Final = "AKIATEST"
_SECRET: Final = "secret-key-of-the-test"
_LISTENERS: Final = (
    "-master.port",
    "-master.port.grpc",
    "-volume.port",
    "-volume.port.grpc",
    "-filer.port",
    "-filer.port.grpc",
    "-s3.port",
    "-s3.port.grpc",
)


class S3Server:
    """One server with its own directory; `bucket` tells how a bucket of it is reached."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._log = directory / "weed.log"
        self._ports = {name: free_port() for name in _LISTENERS}
        self.endpoint = f"http://127.0.0.1:{self._ports['-s3.port']}"

    def start(self) -> None:
        """Return when the server keeps something."""
        config = self._directory / "identities.json"
        credentials = [{"accessKey": _KEY, "secretKey": _SECRET}]
        identity = {"name": "test", "credentials": credentials, "actions": ["Admin"]}
        config.write_text(json.dumps({"identities": [identity]}))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(_binary(), "-logtostderr", "server", f"-dir={self._directory}"),
                    *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
                    *("-volume.max=8", "-master.volumeSizeLimitMB=64", "-filer"),
                    *("-s3", f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
                    *(f"{name}={port}" for name, port in self._ports.items()),
                ],
                stdout=log,
                stderr=log,
            )
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it at once: nobody needs what it has kept."""
        self._process.kill()
        self._process.wait(timeout=60)
        shutil.rmtree(self._directory, ignore_errors=True)

    def bucket(self, prefix: str, *, name: str = "bundles", secret: str = _SECRET) -> BucketSettings:
        """Return settings of a bucket, which the server makes when something is first written to it."""
        return BucketSettings(name, prefix, self.endpoint, "us-east-1", _KEY, Secret(secret))

    def _await_ready(self) -> None:
        bucket = bundles_in(self.bucket("ready"))

        def look() -> tuple[object, object]:
            try:
                return bucket.write([b"ready"]), "ready"
            except BranchlineError as error:
                assert self._process.poll() is None, self._log.read_text(errors="replace")[-3000:]
                return None, error

        wait_for("SeaweedFS serves", look, 60)


def _binary() -> str:
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else "weed"
