"""What a story may not leave behind: an unheard delivery, a waiting job, a script without an owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.plan import BOT
from sandbox.waiting import wait_for
from sandbox.web import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.plan import Plan

# What a control plane that was away did not hear of is asked for again within two minutes.
SETTLE_SECONDS = 240
NAMESPACES = ("production", "staging", "preview", "untrusted")
UNDER_WAY = ("queued", "building", "deploying")


@dataclass
class Inspector:
    """Sees all three sides of a city with their owners' eyes."""

    branchline: Api
    github: Api
    cloudflare: Api

    @classmethod
    def of_plan(cls, plan: Plan) -> Inspector:
        facts = plan.facts()
        cloudflare = facts["cloudflare"]
        dispatch = f"{cloudflare['apiUrl']}/accounts/{cloudflare['accountId']}/workers/dispatch"
        return cls(
            Api(facts["controlPlane"]["url"], facts["controlPlane"]["apiToken"]),
            Api(facts["github"]["apiUrl"], plan.tokens[BOT]),
            Api(dispatch, cloudflare["apiToken"]),
        )

    def close(self) -> None:
        for api in (self.branchline, self.github, self.cloudflare):
            api.close()

    def wait_until_nothing_is_left(self) -> None:
        """Wait until everything that a story set off has come to its end."""

        def look() -> tuple[bool | None, object]:
            found = sorted(self.leftovers())
            return (None if found else True), found

        wait_for("nothing left behind", look, SETTLE_SECONDS, every=0.5)

    def leftovers(self) -> Iterator[str]:
        apps = list(pages(self.branchline, "/api/apps"))
        yield from self._unfinished_deliveries()
        yield from self._unfinished_apps(apps)
        yield from self._unfinished_deployments(apps)
        yield from self._unheard_webhooks(apps)
        yield from self._ownerless_scripts(apps)

    def _unfinished_deliveries(self) -> Iterator[str]:
        for delivery in pages(self.branchline, "/api/deliveries"):
            if delivery["status"] not in {"processed", "ignored", "duplicate"}:
                name = f"delivery {delivery['guid']} ({delivery['event']})"
                yield f"{name} is {delivery['status']}: {delivery['error']}"

    def _unfinished_apps(self, apps: list[dict[str, Any]]) -> Iterator[str]:
        for app in apps:
            if app["status"] != "ready" or app["waitingFor"]:
                yield f"app {app['name']} is {app['status']}, waiting for {app['waitingFor']}"

    def _unfinished_deployments(self, apps: list[dict[str, Any]]) -> Iterator[str]:
        for app in apps:
            for deployment in pages(self.branchline, f"/api/apps/{app['slug']}/deployments"):
                if deployment["status"] in UNDER_WAY:
                    yield f"deployment {deployment['id']} of {app['name']} is {deployment['status']}"

    def _unheard_webhooks(self, apps: list[dict[str, Any]]) -> Iterator[str]:
        # What was kept is heard, whatever GitHub saw: an answer that came too late is not asked for again.
        kept = {it["guid"] for it in pages(self.branchline, "/api/deliveries")}
        for app in apps:
            hooks = f"/repos/{app['repository']['fullName']}/hooks"
            for hook in self.github.get(hooks):
                sent = self.github.get(f"{hooks}/{hook['id']}/deliveries")
                # What was sent while nobody was there is sent once more, under the same number.
                heard = kept | {it["guid"] for it in sent if it["status_code"] // 100 == 2}
                for delivery in sent:
                    if delivery["guid"] not in heard:
                        yield f"GitHub's delivery {delivery['guid']} was answered {delivery['status_code']}"

    def _ownerless_scripts(self, apps: list[dict[str, Any]]) -> Iterator[str]:
        owned = {name for app in apps for name in self._scripts_of(app)} | set(self._scripts_of_workers())
        for namespace in NAMESPACES:
            for script in self.cloudflare.get(f"/namespaces/branchline-dev-{namespace}/scripts")["result"]:
                if script["id"] not in owned:
                    yield f"script {script['id']} in {namespace} has no owner"

    def _scripts_of(self, app: dict[str, Any]) -> Iterator[str]:
        """Name the scripts that an app may have: of environments, of previews, of deployments."""
        yield app["slug"]
        yield f"staging-{app['slug']}"
        for preview in self.branchline.get(f"/api/apps/{app['slug']}")["previews"]:
            yield script_at(preview["alternateUrl"])
        for deployment in pages(self.branchline, f"/api/apps/{app['slug']}/deployments"):
            if deployment["immutableUrl"] is not None:
                yield script_at(deployment["immutableUrl"])

    def _scripts_of_workers(self) -> Iterator[str]:
        for listed in pages(self.branchline, "/api/workers"):
            worker = self.branchline.get(f"/api/workers/{listed['id']}")
            yield script_at(worker["alternateUrl"])
            for version in worker["versions"]:
                if version["immutableUrl"] is not None:
                    yield script_at(version["immutableUrl"])


def script_at(address: str) -> str:
    """Return the script that answers at an address, of either form."""
    parts = urlsplit(address)
    if parts.path.startswith("/app/"):
        return parts.path.rstrip("/").rsplit("/", 1)[-1]
    return str(parts.hostname).partition(".")[0]


def pages(api: Api, path: str) -> Iterator[dict[str, Any]]:
    """Go through all pages of a list."""
    cursor: str | None = ""
    while cursor is not None:
        answer = api.get(path, **({"cursor": cursor} if cursor else {}))
        yield from answer["items"]
        cursor = answer["nextCursor"]
