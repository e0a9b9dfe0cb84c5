"""Apps as they stand before a job: real repositories, pull requests and scripts, and our records of them.

What a run and its webhooks would have left is written as they leave it, by the verbs of the pipeline; so one
stage is set in a second, with nothing else under way.
"""

import base64
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from app.bootstrap.shared import utc_now
from app.domain.apps import App
from app.domain.bundles import Bundle, Module
from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import Environment
from app.domain.jobs import Job, JobType
from app.domain.names import new_id, own_script_name, script_name
from app.domain.pulls import PullRequest
from app.jobs.lifecycle import OVER
from app.pipeline.move import move
from app.pipeline.provision import Order, request_app
from app.pipeline.upload import go_live
from app.ports import Transaction
from sandbox.waiting import wait_for
from tests.faults.town import Plane

MODULE = "application/javascript+module"
QUIET_SECONDS = 90.0
_NUMBERS = count(1000)


class Stage:
    """Sets the stage over one control plane."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.remotes = plane.remotes
        self.records = plane.shared.records
        self._entropy = random.SystemRandom()
        self._home: App | None = None

    # -------------------- what there is

    def request_app(self, name: str = "shop") -> tuple[App, Job]:
        """Ask for an app, as the API does."""
        order = Order(name=f"{name}-{next(_NUMBERS)}")
        with self.records.begin() as tx:
            return request_app(tx, order, at=utc_now(), entropy=self._entropy, actor="token")

    def app(self, name: str = "shop") -> App:
        """Return a new app that is ready."""
        app, job = self.request_app(name)
        process = self.plane.jobs()
        self.wait_over(job)
        self.wait_quiet()
        process.kill()
        self.plane.forget_the_dead()
        with self.records.read() as tx:
            return tx.apps.get(app.id)

    def apps(self, number: int, name: str = "many") -> list[App]:
        """Return new apps that are ready, all asked for at once."""
        asked = [self.request_app(name) for _ in range(number)]
        process = self.plane.jobs()
        for _app, job in asked:
            self.wait_over(job, QUIET_SECONDS * 10)
        self.wait_quiet(QUIET_SECONDS * 10)
        process.kill()
        self.plane.forget_the_dead()
        with self.records.read() as tx:
            return [tx.apps.get(app.id) for app, _job in asked]

    def home(self) -> App:
        """Return the app that is used again and again."""
        self._home = self._home or self.app("home")
        return self._home

    def pull_request(self, app: App) -> PullRequest:
        """Open a pull request from a new branch and keep what its webhook would tell."""
        name, branch, github = app.repository_name, f"change-{next(_NUMBERS)}", self.remotes.github
        main = github.get(f"/repos/{name}/git/ref/heads/main")["object"]["sha"]
        github.post(f"/repos/{name}/git/refs", {"ref": f"refs/heads/{branch}", "sha": main})
        content = base64.b64encode(branch.encode()).decode()
        change = {"message": f"Add {branch}", "content": content, "branch": branch}
        github.call("PUT", f"/repos/{name}/contents/{branch}.txt", change)
        opened = github.post(f"/repos/{name}/pulls", {"title": branch, "head": branch, "base": "main"})
        pull = PullRequest(
            app_id=app.id,
            number=opened["number"],
            is_open=True,
            title=branch,
            html_url=opened["html_url"],
            head_branch=branch,
            head_commit=opened["head"]["sha"],
            is_from_fork=False,
            author=opened["user"]["login"],
            updated_at=utc_now(),
        )
        with self.records.begin() as tx:
            tx.pulls.save(pull)
        return pull

    def coming(self, app: App, environment: Environment, pull: PullRequest | None = None) -> Deployment:
        """Return a new deployment of a run that has built and asked where to."""
        at, number = utc_now(), next(_NUMBERS)
        identity = new_id("dpl", at)
        platform = self.plane.shared.platform
        deployment = Deployment(
            id=identity,
            app_id=app.id,
            environment=environment,
            namespace=platform.namespace_of(environment),
            script=script_name(app.slug, environment, pull.number if pull else None),
            branch=pull.head_branch if pull else "main",
            commit=pull.head_commit if pull else self.head(app),
            message="Built by nobody",
            pull_request=pull.number if pull else None,
            run=Run(number, number, 1, f"{app.repository.html_url if app.repository else ''}/actions"),
            status=Status.DEPLOYING,
            created_at=at,
            updated_at=at,
            own_script=own_script_name(app.slug, environment, identity),
        )
        with self.records.begin() as tx:
            tx.deployments.add(deployment)
        return deployment

    def live(self, app: App, environment: Environment, pull: PullRequest | None = None) -> Deployment:
        """Return a new deployment that is up and live, and answers with its id."""
        deployment = self.coming(app, environment, pull)
        go_live(deployment.id, self._bundle(deployment.id), self.plane.shared.putter)
        with self.records.begin() as tx:
            tx.apps.get(app.id, lock=True)
            return move(tx, tx.deployments.get(deployment.id), Status.READY, utc_now(), actor="workflow")

    def close(self, pull: PullRequest) -> None:
        """Close a pull request, there and here."""
        with self.records.begin() as tx:
            app = tx.apps.get(pull.app_id)
            tx.pulls.save(replace(pull, is_open=False, updated_at=utc_now()))
        path = f"/repos/{app.repository_name}/pulls/{pull.number}"
        self.remotes.github.call("PATCH", path, {"state": "closed"})

    def head(self, app: App) -> str:
        """Return main's newest commit."""
        found = self.remotes.github.get(f"/repos/{app.repository_name}/git/ref/heads/main")
        return str(found["object"]["sha"])

    def decide(self, do: Callable[[Transaction], Any]) -> Any:
        """Do something in a transaction of our memory."""
        with self.records.begin() as tx:
            return do(tx)

    def _bundle(self, says: str) -> Bundle:
        code = f"export default {{ fetch() {{ return new Response({says!r}); }} }};".encode()
        sha256, size = self.plane.shared.bundles.write([code])
        return Bundle("index.js", (Module("index.js", MODULE, sha256, size),), "2026-10-01")

    # -------------------- waiting

    def job(self, job: Job) -> Job:
        with self.records.read() as tx:
            return tx.jobs.get(job.id)

    def wait_over(self, job: Job, seconds: float = QUIET_SECONDS) -> Job:
        """Wait until a job has ended."""

        def look() -> tuple[Job | None, object]:
            found = self.job(job)
            steps = self.plane.shared.engine.steps(found)
            last = steps[-1].name if steps else "no step yet"
            return (found if found.status in OVER else None), f"{found.status}: {last}"

        return wait_for(f"{job.type} {job.id} over", look, seconds)

    def wait_quiet(
        self, seconds: float = QUIET_SECONDS, *, but_for: frozenset[JobType] = frozenset()
    ) -> None:
        """Wait until no job waits or runs, but for kinds that come again and again."""

        def look() -> tuple[bool | None, object]:
            with self.records.read() as tx:
                unfinished = [job for job in tx.jobs.unfinished() if job.type not in but_for]
            return (None if unfinished else True), sorted(f"{job.type} {job.status}" for job in unfinished)

        wait_for("no job left", look, seconds)
