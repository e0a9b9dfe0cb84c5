"""Dispatch namespaces in memory."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from app.errors import RemoteMissing
from app.ports import DeployAccess, Upload
from tests.fakes.faults import Faults

ACCESS = DeployAccess("https://cloudflare.test/client/v4", "account", "deploy-token-of-the-fake")


class FakeScripts:
    """Port `Scripts`; `namespaces` has the tags of each script, `uploads` what `put` made it of.

    `around_put` surrounds the moment at which a script of that name becomes another.
    `upload` is what a workflow run would do beside the port.
    """

    def __init__(self) -> None:
        self.namespaces: dict[str, dict[str, list[str]]] = {}
        self.uploads: dict[tuple[str, str], Upload] = {}
        self.faults = Faults()
        self.fail_next = self.faults.fail_next
        self.around_put: Callable[[str], AbstractContextManager[object]] = nullcontext

    def upload(self, namespace: str, script: str, tags: Sequence[str] = ()) -> None:
        self._scripts(namespace)[script] = list(tags)

    def ensure_namespace(self, namespace: str) -> None:
        with self.faults.during("ensure_namespace"):
            self.namespaces.setdefault(namespace, {})

    def tags(self, namespace: str, script: str) -> Sequence[str] | None:
        with self.faults.during("tags"):
            return self._scripts(namespace).get(script)

    def delete(self, namespace: str, script: str) -> bool:
        with self.faults.during("delete"):
            return self._remove(namespace, script)

    def delete_tagged(self, namespace: str, tag: str) -> None:
        with self.faults.during("delete_tagged"):
            tagged = [name for name, tags in self._scripts(namespace).items() if tag in tags]
            for script in tagged:
                self._remove(namespace, script)

    def put(self, namespace: str, script: str, upload: Upload) -> None:
        with self.faults.during("put"), self.around_put(script):
            self._scripts(namespace)[script] = list(upload.tags)
            self.uploads[namespace, script] = upload

    def access(self) -> DeployAccess:
        return ACCESS

    def _remove(self, namespace: str, script: str) -> bool:
        self.uploads.pop((namespace, script), None)
        return self._scripts(namespace).pop(script, None) is not None

    def _scripts(self, namespace: str) -> dict[str, list[str]]:
        if namespace not in self.namespaces:
            raise RemoteMissing(f"looking into namespace {namespace}: no such namespace", codes=[100119])
        return self.namespaces[namespace]
