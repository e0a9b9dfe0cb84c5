"""A control plane with invented apps, for looking at its pages: `python -m tests.page_world [PORT]`.

Nothing runs there: no job, no GitHub. Ask with the token of the integration tests' world, or let a browser
send it: `Authorization: Bearer canary-api-token-7c1f`. Whatever GitHub lets people write is in it, too.
"""

import random
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from werkzeug.serving import make_server

from app.database import migrate
from app.domain.aliases import Alias
from app.domain.apps import App, AppStatus, Repository
from app.domain.deployments import Deployment, Run, Status
from app.domain.drift import Drift, Kind
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import JobStatus, JobType, Step
from app.domain.names import own_script_name, script_name
from app.domain.pulls import PullRequest
from app.domain.variables import Variable
from app.ports import Transaction
from tests.integration.web.world import World

NAMES: Final = (
    "shop",
    "billing",
    "docs",
    "status-page",
    "newsletter",
    "checkout",
    "landing",
    "search",
    "image-proxy",
    "careers",
    "blog",
    "help-centre",
    "pricing",
    "play",
)
MESSAGES: Final = (
    "Show the price with tax before the address is known",
    "Bump vite from 7.1 to 7.2",
    "Fix the flicker of the cart on slow connections",
    "Let keyboards reach the size picker",
    "Cache product images for a day",
    "Say hello",
    "Remove the banner of last week",
    "Translate the footer",
)
PEOPLE: Final = ("ada", "grace", "linus", "margaret")
# What nobody should write, and somebody will.
NASTY: Final = (
    '<script>alert("title")</script>',
    "javascript:alert(1)",
    "\u202egnitnuocca\u202c rof kcehc",
    "🦊🚀 ship it 👩‍👩‍👧",
    "x" * 10_000,
    "ends \u2066 nowhere \u2067 at all",
    "\"><img src=x onerror=alert(2)>'",
)


class Filled:
    """Invents apps, the same ones every time; `now` is when somebody looks."""

    def __init__(self, tx: Transaction, now: datetime) -> None:
        self.tx = tx
        self.now = now
        self.dice = random.Random(6)  # noqa: S311 - invented data is no secret
        self.runs = 0

    def apps(self, names: Sequence[str]) -> list[App]:
        """Invent apps that are ready, the first of them newest."""
        return [self._app(number, name) for number, name in enumerate(reversed(names), 1)]

    def _app(self, number: int, name: str) -> App:
        made = self.now - timedelta(days=400 - number)
        app = App(
            id=f"app_{number:06}",
            slug=f"b{number:07}",
            name=name,
            status=AppStatus.READY,
            created_at=made,
            updated_at=made,
            repository=_repository(number, name, made),
        )
        self.tx.apps.add(app)
        return app

    def live(
        self,
        app: App,
        environment: Environment = Environment.PRODUCTION,
        *,
        hours: float,
        pull: int | None = None,
        is_pinned: bool = False,
        days_left: float | None = None,
        **changes: Any,
    ) -> Deployment:
        """Invent a deployment that answers."""
        deployment = self.deployment(app, environment, Status.READY, hours=hours, pull=pull, **changes)
        expires_at = None if days_left is None else self.now + timedelta(days=days_left)
        self.tx.aliases.save(
            Alias(
                app_id=app.id,
                script=deployment.script,
                environment=environment,
                namespace=deployment.namespace,
                updated_at=deployment.created_at + timedelta(seconds=40),
                pull_request=pull,
                deployment_id=deployment.id,
                order=deployment.order,
                is_pinned=is_pinned,
                expires_at=expires_at,
                expired_at=expires_at if days_left is not None and days_left < 0 else None,
            )
        )
        return deployment

    def deployment(
        self,
        app: App,
        environment: Environment,
        status: Status,
        *,
        hours: float,
        pull: int | None = None,
        message: str | None = None,
        branch: str | None = None,
        error: str | None = None,
    ) -> Deployment:
        """Invent a deployment of a commit that somebody pushed."""
        self.runs += 1
        at, commit = self.now - timedelta(hours=hours), f"{self.dice.getrandbits(160):040x}"
        deployment_id = f"dpl_{self.runs:012}"
        usual = {Environment.PRODUCTION: "main", Environment.STAGING: "staging"}
        deployment = Deployment(
            id=deployment_id,
            app_id=app.id,
            environment=environment,
            namespace=f"live-{environment}",
            script=script_name(app.slug, environment, pull),
            branch=branch or usual.get(environment, f"feature-{pull or 'search'}"),
            commit=commit,
            message=message or self.dice.choice(MESSAGES),
            pull_request=pull,
            run=Run(
                self.runs, self.runs, 1, f"https://github.example/acme/{app.name}/actions/runs/{self.runs}"
            ),
            status=status,
            created_at=at,
            updated_at=at,
            finished_at=at + timedelta(seconds=38) if status is Status.READY else None,
            phases=self._phases(status),
            error=error,
            own_script=own_script_name(app.slug, environment, deployment_id),
            bundle=f"{self.runs:064x}" if status is Status.READY else None,
            uploaded_at=at + timedelta(seconds=35) if status is Status.READY else None,
        )
        self.tx.deployments.add(deployment)
        self._pushed(deployment, at)
        return deployment

    def pull(self, app: App, number: int, title: str, author: str = "grace", **changes: Any) -> None:
        """Invent an open pull request."""
        url = f"https://github.example/acme/{app.name}/pull/{number}"
        values = {"is_from_fork": False, "html_url": url, **changes}
        self.tx.pulls.save(
            PullRequest(
                app_id=app.id,
                number=number,
                is_open=True,
                title=title,
                head_branch=f"feature-{number}",
                head_commit="a" * 40,
                author=author,
                updated_at=self.now,
                **values,
            )
        )

    def _phases(self, status: Status) -> dict[str, float]:
        if status in {Status.QUEUED, Status.BUILDING}:
            return {}
        names = ("install", "build", "deploy")
        return {name: round(self.dice.uniform(1, 14), 1) for name in names}

    def _pushed(self, deployment: Deployment, at: datetime) -> None:
        payload = {"branch": deployment.branch, "before": "0" * 40, "after": deployment.commit}
        by = f"github:{self.dice.choice(PEOPLE)}"
        facts = {"app": deployment.app_id, "status": deployment.status}
        self.tx.events.append(Event(Tag.BRANCH_PUSHED, deployment.app_id, by, at, payload))
        self.tx.events.append(
            Event(Tag(f"deployment:{deployment.status}"), deployment.id, "github", at, facts)
        )


def fill(tx: Transaction, now: datetime) -> None:
    """Invent a platform as it might be on some day."""
    filled = Filled(tx, now)
    apps = {app.name: app for app in filled.apps(NAMES)}
    for number, app in enumerate(apps.values()):
        if app.name != "play":
            filled.live(app, hours=3 + number * 31)
    _fill_shop(filled, apps["shop"])
    billing = apps["billing"]
    filled.deployment(billing, Environment.PRODUCTION, Status.ERROR, hours=0.4, error="build: exit code 1")
    filled.deployment(apps["docs"], Environment.STAGING, Status.BUILDING, hours=0.01)
    _fill_badly(filled, apps["search"])
    _keep(tx, apps["landing"], AppStatus.DETACHED, error="its repository was deleted on GitHub")
    _keep(tx, apps["careers"], AppStatus.DELETING)


def provisioning(tx: Transaction, now: datetime, name: str = "orders") -> list[Step]:
    """Invent an app that is being made, and return how far its job has come."""
    app = App("app_900001", "z0000001", name, AppStatus.PROVISIONING, now, now)
    tx.apps.add(app)
    tx.jobs.enqueue(JobType.PROVISION, app.id, {"files": []})
    done = ("check name", "fork template", "wait for repository", "keep repository", "switch Actions on")
    steps = [_step(name, now, number) for number, name in enumerate(done)]
    return [*steps, Step("install workflow", JobStatus.PROCESSING, now, None)]


def _step(name: str, now: datetime, number: int) -> Step:
    begun = now - timedelta(seconds=30 - 4 * number)
    return Step(name, JobStatus.COMPLETED, begun, begun + timedelta(seconds=0.3 + number))


def _fill_shop(filled: Filled, shop: App) -> None:
    for number in range(14):
        status = Status.SUPERSEDED if number % 5 == 4 else Status.READY
        filled.deployment(shop, Environment.PRODUCTION, status, hours=200 - number * 12)
    filled.live(shop, hours=26, is_pinned=True)
    filled.deployment(shop, Environment.PRODUCTION, Status.READY, hours=4)
    filled.live(shop, Environment.STAGING, hours=2)
    filled.live(shop, Environment.PREVIEW, hours=5, branch="search", days_left=6)
    previews = ((41, 1.2, "Show stars"), (43, 6.5, "Try the blue button"), (38, -1, "An old idea"))
    for number, days_left, title in previews:
        filled.pull(shop, number, title)
        filled.live(shop, Environment.PREVIEW, hours=9 + number, pull=number, days_left=days_left)
    filled.pull(shop, 44, "Checkout in one step", is_from_fork=False)
    filled.deployment(shop, Environment.PREVIEW, Status.BUILDING, hours=0.01, pull=44)
    for environment, name, is_secret in (
        (Environment.PRODUCTION, "API_URL", False),
        (Environment.PRODUCTION, "PAYMENT_KEY", True),
        (Environment.STAGING, "API_URL", False),
    ):
        value = "ciphertext" if is_secret else "https://api.example.com/v2"
        filled.tx.variables.save(
            Variable(shop.id, environment, name, value, is_secret, filled.now, "person:ada")
        )
    _drift(filled, shop, Kind.WORKFLOW_EDITED, ".github/workflows/deploy.yml")
    _drift(filled, shop, Kind.SCRIPT_GONE, f"staging-{shop.slug}")


def _fill_badly(filled: Filled, app: App) -> None:
    for number, text in enumerate(NASTY, 1):
        filled.deployment(
            app, Environment.PREVIEW, Status.READY, hours=number, message=text, branch=text[:250]
        )
        url = "javascript:alert(3)" if number == 2 else f"https://github.example/acme/search/pull/{number}"
        filled.pull(app, number, text, author=text[:40], html_url=url)
        filled.live(app, Environment.PREVIEW, hours=number, pull=number, message=text, branch=text[:250])
    filled.live(app, hours=0.2, message=NASTY[0])
    _drift(filled, app, Kind.BRANCH_GONE, NASTY[0])


def _drift(filled: Filled, app: App, kind: Kind, subject: str) -> None:
    found_at = filled.now - timedelta(minutes=20)
    filled.tx.drifts.save(Drift(app.id, kind, subject, {}, found_at, filled.now))


def _keep(tx: Transaction, app: App, status: AppStatus, error: str | None = None) -> None:
    tx.apps.save(replace(app, status=status, error=error))


def _repository(number: int, name: str, at: datetime) -> Repository:
    url = f"https://github.example/acme/{name}"
    return Repository(
        id=number,
        full_name=f"acme/{name}",
        html_url=url,
        clone_url=f"{url}.git",
        default_branch="main",
        is_private=False,
        is_fork=True,
        parent_full_name="branchline/template",
        created_at=at,
    )


def main() -> None:
    """Serve the pages until somebody interrupts."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8099
    with tempfile.TemporaryDirectory(prefix="branchline-pages-") as directory:
        url = f"sqlite:///{Path(directory) / 'pages.sqlite'}"
        migrate.upgrade(url)
        world = World(url, lock_timeout_seconds=2)
        world.live.gate._places = threading.BoundedSemaphore(200)  # as many as a browser may open
        with world.records.begin() as tx:
            fill(tx, world.clock())
            world.engine.begun = provisioning(tx, world.clock())
        make_server("127.0.0.1", port, world.web, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
