"""Dispatch namespaces in memory."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import count

from app.errors import RemoteMissing
from app.ports import Clock, DeployAccess, ScriptPage, SeenScript, Upload
from tests.fakes.faults import Faults

ACCESS = DeployAccess("https://cloudflare.test/client/v4", "account", "deploy-token-of-the-fake")


class FakeScripts:
    """Port `Scripts`; `namespaces` has the tags of each script, `uploads` what `put` made it of.

    `around_put` surrounds the moment at which a script of that name becomes another.
    `upload` is what a workflow run would do beside the port.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._uploaded = count(1)
        self.namespaces: dict[str, dict[str, list[str]]] = {}
        self.uploads: dict[tuple[str, str], Upload] = {}
        self.etags: dict[tuple[str, str], str] = {}
        self.modified_at = dict[tuple[str, str], datetime]()
        self.page_size = 1000
        self.faults = Faults()
        self.fail_next = self.faults.fail_next
        self.around_put: Callable[[str], AbstractContextManager[object]] = nullcontext

    def upload(self, namespace: str, script: str, tags: Sequence[str] = ()) -> None:
        self._scripts(namespace)[script] = list(tags)
        self._stamp(namespace, script)

    def listing(self, namespace: str, cursor: str | None = None, *, tag: str | None = None) -> ScriptPage:
        with self.faults.during("listing"):
            scripts = self._scripts(namespace)
            names = sorted(it for it in scripts if tag is None or tag in scripts[it])
            rest = [it for it in names if cursor is None or it > cursor]
            page = [self._seen(namespace, it) for it in rest[: self.page_size]]
            return ScriptPage(page, page[-1].name if len(rest) > len(page) else None)

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

    def put(self, namespace: str, script: str, upload: Upload) -> str | None:
        with self.faults.during("put"), self.around_put(script):
            self._scripts(namespace)[script] = list(upload.tags)
            self.uploads[namespace, script] = upload
            return self._stamp(namespace, script)

    def access(self) -> DeployAccess:
        return ACCESS

    def _stamp(self, namespace: str, script: str) -> str:
        """Give a script's bytes a name that they never had, as Cloudflare does at every upload."""
        etag = f"etag-{next(self._uploaded)}"
        self.etags[namespace, script] = etag
        if self._clock is not None:
            self.modified_at[namespace, script] = self._clock()
        return etag

    def _seen(self, namespace: str, script: str) -> SeenScript:
        place = (namespace, script)
        tags = self.namespaces[namespace][script]
        return SeenScript(script, tuple(tags), self.etags.get(place), self.modified_at.get(place))

    def _remove(self, namespace: str, script: str) -> bool:
        self.uploads.pop((namespace, script), None)
        return self._scripts(namespace).pop(script, None) is not None

    def _scripts(self, namespace: str) -> dict[str, list[str]]:
        if namespace not in self.namespaces:
            raise RemoteMissing(f"looking into namespace {namespace}: no such namespace", codes=[100119])
        return self.namespaces[namespace]
