"""What a story may not leave behind: an unacknowledged delivery, a waiting job, a script without an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.waiting import wait_for
from sandbox.web import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.developer import Developer

SETTLE_SECONDS = 60
ENVIRONMENTS = ("production", "staging", "preview")
LIVE_STATES = ("ready", "deploying")
UNDER_WAY = ("queued", "building", "deploying")


def wait_until_nothing_is_left(developer: Developer) -> None:
    """Wait until everything that a story set off has come to its end."""

    def look() -> tuple[bool | None, object]:
        found = sorted(leftovers(developer))
        return (None if found else True), found

    wait_for("nothing left behind", look, SETTLE_SECONDS, every=0.5)


def leftovers(developer: Developer) -> Iterator[str]:
    apps = [app for app in pages(developer.branchline, "/api/apps") if app["status"] != "deleted"]
    yield from unfinished_deliveries(developer)
    yield from unfinished_apps(apps)
    yield from unfinished_deployments(developer, apps)
    yield from unacknowledged_webhooks(developer, apps)
    yield from ownerless_scripts(developer, apps)


def unfinished_deliveries(developer: Developer) -> Iterator[str]:
    for delivery in pages(developer.branchline, "/api/deliveries"):
        if delivery["status"] not in {"processed", "ignored"}:
            name = f"delivery {delivery['guid']} ({delivery['event']})"
            yield f"{name} is {delivery['status']}: {delivery['error']}"


def unfinished_apps(apps: list[dict[str, Any]]) -> Iterator[str]:
    for app in apps:
        if app["status"] != "ready" or app["waitingFor"]:
            yield f"app {app['name']} is {app['status']}, waiting for {app['waitingFor']}"


def unfinished_deployments(developer: Developer, apps: list[dict[str, Any]]) -> Iterator[str]:
    for app in apps:
        for deployment in pages(developer.branchline, f"/api/apps/{app['slug']}/deployments"):
            if deployment["status"] in UNDER_WAY:
                yield f"deployment {deployment['id']} of {app['name']} is {deployment['status']}"


def unacknowledged_webhooks(developer: Developer, apps: list[dict[str, Any]]) -> Iterator[str]:
    for app in apps:
        hooks = f"/repos/{app['repository']['fullName']}/hooks"
        for hook in developer.github.get(hooks):
            for delivery in developer.github.get(f"{hooks}/{hook['id']}/deliveries"):
                if delivery["status_code"] // 100 != 2:
                    yield f"GitHub's delivery {delivery['guid']} was answered {delivery['status_code']}"


def ownerless_scripts(developer: Developer, apps: list[dict[str, Any]]) -> Iterator[str]:
    facts = developer.facts["cloudflare"]
    cloudflare = Api(f"{facts['apiUrl']}/accounts/{facts['accountId']}/workers/dispatch", facts["apiToken"])
    owned = {name for app in apps for name in scripts_of(developer, app)}
    for environment in ENVIRONMENTS:
        for script in cloudflare.get(f"/namespaces/branchline-dev-{environment}/scripts")["result"]:
            if script["id"] not in owned:
                yield f"script {script['id']} in {environment} has no owner"


def scripts_of(developer: Developer, app: dict[str, Any]) -> Iterator[str]:
    """Name the scripts that an app may have: those of its environments and of its previews."""
    yield app["slug"]
    yield f"staging-{app['slug']}"
    for preview in developer.branchline.get(f"/api/apps/{app['slug']}")["previews"]:
        yield preview["alternateUrl"].rstrip("/").rsplit("/", 1)[-1]


def pages(api: Api, path: str) -> Iterator[dict[str, Any]]:
    """Go through all pages of a list."""
    cursor: str | None = ""
    while cursor is not None:
        answer = api.get(path, **({"cursor": cursor} if cursor else {}))
        yield from answer["items"]
        cursor = answer["nextCursor"]
