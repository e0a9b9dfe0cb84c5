"""What a developer does with Branchline: asks for apps, pushes, opens pull requests, looks at addresses.

Everything goes the public way: the control plane's HTTP API, git, GitHub's REST API for pull requests, and
plain requests to the apps. The demo's story, the end-to-end tests and the benchmarks use these words.
"""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx

from sandbox.checkout import Checkout
from sandbox.waiting import wait_for
from sandbox.web import Api, Unexpected, client

if TYPE_CHECKING:
    from pathlib import Path

PROVISION_SECONDS = 120.0
LIVE_SECONDS = 240.0
NAVIGATION = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "sec-fetch-mode": "navigate"}
WORKER = "worker/index.ts"
_GREETING = re.compile(r"message: `[^$]*\$")


class Developer:
    """Somebody with a token for the control plane and one for GitHub, and a directory for working copies."""

    def __init__(self, facts: dict[str, dict[str, str]], workspace: Path) -> None:
        self.facts = facts
        self.workspace = workspace
        self.branchline = Api(facts["controlPlane"]["url"], facts["controlPlane"]["apiToken"])
        self.github = Api(facts["github"]["apiUrl"], facts["github"]["token"])
        self.visitor = client()
        self._folders = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (self.branchline, self.github, self.visitor):
            connection.close()

    def request_app(self, name: str, **order: Any) -> dict[str, Any]:
        """Ask for an app and return the answer at once: its job is not done yet."""
        answer: dict[str, Any] = self.branchline.post("/api/apps", {"name": name, **order})
        return answer

    def create_app(self, name: str, **order: Any) -> App:
        """Ask for an app and wait until its repository is there."""
        self.wait_for_job(self.request_app(name, **order)["jobId"])
        return self.app(name)

    def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """Wait for a job to end well and return it."""

        def look() -> tuple[dict[str, Any] | None, object]:
            job = self.branchline.get(f"/api/jobs/{job_id}")
            if job["status"] == "failed":
                raise Unexpected(f"job {job_id} failed: {job['error']}")
            last = job["steps"][-1]["name"] if job["steps"] else "no step yet"
            return (job if job["status"] == "completed" else None), f"{job['status']}: {last}"

        return wait_for(f"job {job_id} completed", look, PROVISION_SECONDS)

    def clone_template(self) -> Checkout:
        """Return a fresh working copy of what every app starts as."""
        github = self.facts["github"]
        return self.clone(f"{github['url']}/{github['template']}.git", "template")

    def app(self, name: str) -> App:
        """Return the app of that name, cloned."""
        items = self.branchline.get("/api/apps")["items"]
        detail = next(item for item in items if item["name"] == name)
        return App(self, detail["slug"], self.clone(detail["repository"]["cloneUrl"], name))

    def clone(self, url: str, name: str) -> Checkout:
        """Return a fresh working copy."""
        directory = self.workspace / f"{name}-{next(self._folders)}"
        return Checkout.clone(url, directory, self.facts["github"]["token"])

    def outsider(self) -> Developer:
        """Return somebody with an account at GitHub and no rights here; to be closed like this one."""
        github, control_plane = self.facts["github"], self.facts["controlPlane"]
        known = {
            "github": github | {"token": github["outsiderToken"]},
            "controlPlane": control_plane | {"apiToken": ""},
        }
        return Developer(self.facts | known, self.workspace / "outsider")

    def fork(self, app: App) -> Fork:
        """Fork an app's repository under one's own name, and wait until it can be cloned.

        Who has a fork of the template or of another app already gets that one: GitHub has one per person.
        """
        answer = self.github.post(f"/repos/{app.repository}/forks", {"default_branch_only": True})
        name = answer["full_name"]

        def look() -> tuple[bool | None, object]:
            status = self.github.client.get(f"/repos/{name}/branches/main").status_code
            return (True if status == httpx.codes.OK else None), status

        wait_for(f"{name} forked", look, PROVISION_SECONDS)
        return Fork(self, answer["owner"]["login"], self.clone(answer["clone_url"], "fork"))

    def visit(self, url: str) -> httpx.Response:
        """Open an address as a browser would, when somebody types it in."""
        return self.visitor.get(url, headers=NAVIGATION, follow_redirects=True)


@dataclass
class App:
    """An app and a working copy of its repository."""

    developer: Developer
    slug: str
    checkout: Checkout

    @property
    def detail(self) -> dict[str, Any]:
        """What the control plane says of it."""
        answer: dict[str, Any] = self.developer.branchline.get(f"/api/apps/{self.slug}")
        return answer

    @property
    def repository(self) -> str:
        """Its repository's full name."""
        return str(self.detail["repository"]["fullName"])

    def deployments(self, **query: str) -> list[dict[str, Any]]:
        """Return its deployments, newest first."""
        answer = self.developer.branchline.get(f"/api/apps/{self.slug}/deployments", **query)
        return list(answer["items"])

    def push(self, greeting: str, branch: str = "main") -> str:
        """Change what /api/hello says, push that to `branch` and return the commit."""
        return push_greeting(self.checkout, greeting, branch)

    def open_pull_request(self, title: str) -> PullRequest:
        """Open a pull request from a new branch that greets with `title`."""
        self.checkout.switch("main")
        change_greeting(self.checkout, title)
        return self.propose(title)

    def propose(self, title: str) -> PullRequest:
        """Open a pull request with what was changed in the working copy."""
        commit = push_new_branch(self.checkout, title)
        return self.open(title, branch_name(title), commit)

    def open(self, title: str, head: str, commit: str, fork: Fork | None = None) -> PullRequest:
        """Open a pull request for `head`, a branch or one of `fork`, whose newest commit is `commit`."""
        source = fork or self
        order = {"title": title, "head": f"{fork.owner}:{head}" if fork else head, "base": "main"}
        answer = source.developer.github.post(f"/repos/{self.repository}/pulls", order)
        return PullRequest(self, answer["number"], head, answer["html_url"], commit, source.checkout)

    def wait_live(self, environment: str, commit: str, seconds: float = LIVE_SECONDS) -> dict[str, Any]:
        """Wait until an environment answers with `commit`, and return what the API says of it."""

        def look() -> tuple[dict[str, Any] | None, object]:
            return self.look_at(self.detail["environments"].get(environment), commit)

        return wait_for(f"{environment} of {self.slug} live with {commit[:7]}", look, seconds)

    def look_at(self, place: dict[str, Any] | None, commit: str) -> tuple[dict[str, Any] | None, object]:
        """Return `place` if it is ready and answers with `commit`, and a description of what is there."""
        if not place or not place.get("url"):
            return None, "no address yet"
        version = self.version(place["url"])
        is_live = place["status"] == "ready" and version.get("commit") == commit
        state = f"{place['status']} {str(place['commit'])[:7]}, answers {version}"
        return (place if is_live else None), state

    def version(self, url: str) -> dict[str, Any]:
        """Return what an address says of itself, {} when nothing of ours answers there."""
        with suppress(httpx.HTTPError, ValueError):
            response = self.developer.visit(f"{url.rstrip('/')}/api/version")
            return dict(response.json()) if response.is_success else {}
        return {}

    def wait_run(self, run_id: int, attempt: int = 1, seconds: float = LIVE_SECONDS) -> dict[str, Any]:
        """Wait until an attempt of a workflow run is over and return the run."""
        path = f"/repos/{self.repository}/actions/runs/{run_id}"

        def look() -> tuple[dict[str, Any] | None, object]:
            run = self.developer.github.get(path)
            is_over = run["status"] == "completed" and run["run_attempt"] >= attempt
            return (run if is_over else None), f"{run['status']}, attempt {run['run_attempt']}"

        return wait_for(f"attempt {attempt} of run {run_id} over", look, seconds)

    def delete(self) -> dict[str, Any]:
        """Take the app down and wait until that is done."""
        answer = self.developer.branchline.call("DELETE", f"/api/apps/{self.slug}")
        return self.developer.wait_for_job(answer["jobId"])


@dataclass
class PullRequest:
    """A pull request, and the working copy that its branch is pushed from: the app's own, or a fork's."""

    app: App
    number: int
    branch: str
    html_url: str
    commit: str
    checkout: Checkout

    def push(self, greeting: str) -> str:
        """Push another commit to its branch."""
        self.commit = push_greeting(self.checkout, greeting, self.branch)
        return self.commit

    def say(self, text: str, author: Developer | None = None) -> dict[str, Any]:
        """Comment on it as `author`, or as the app's developer, and return the comment."""
        path = f"/repos/{self.app.repository}/issues/{self.number}/comments"
        comment: dict[str, Any] = (author or self.app.developer).github.post(path, {"body": text})
        return comment

    def wait_run(self, seconds: float = LIVE_SECONDS) -> dict[str, Any]:
        """Wait until the workflow run of its newest commit is over and return the run."""
        path = f"/repos/{self.app.repository}/actions/runs"

        def look() -> tuple[int | None, object]:
            runs = self.app.developer.github.get(path, event="pull_request")["workflow_runs"]
            found = [run["id"] for run in runs if run["head_sha"] == self.commit]
            return (found[0] if found else None), f"{len(runs)} runs"

        run_id = wait_for(f"a run of {self.commit[:7]}", look, seconds)
        return self.app.wait_run(run_id, seconds=seconds)

    def close(self) -> None:
        """Close it without merging."""
        path = f"/repos/{self.app.repository}/pulls/{self.number}"
        self.app.developer.github.call("PATCH", path, {"state": "closed"})

    @property
    def preview(self) -> dict[str, Any] | None:
        """What the control plane says of its preview, None while there is none."""
        previews = self.app.detail["previews"]
        return next((p for p in previews if (p["pullRequest"] or {}).get("number") == self.number), None)

    def comments(self) -> list[dict[str, Any]]:
        """Return the comments on it."""
        path = f"/repos/{self.app.repository}/issues/{self.number}/comments"
        return list(self.app.developer.github.get(path))

    def wait_live(self, seconds: float = LIVE_SECONDS) -> dict[str, Any]:
        """Wait until its preview answers with its newest commit."""
        what = f"preview of pull request {self.number} live with {self.commit[:7]}"
        return wait_for(what, lambda: self.app.look_at(self.preview, self.commit), seconds)

    def wait_comment(self, text: str, seconds: float = LIVE_SECONDS) -> dict[str, Any]:
        """Wait until there is a comment with `text` and return it."""

        def look() -> tuple[dict[str, Any] | None, object]:
            comments = self.comments()
            found = next((comment for comment in comments if text in comment["body"]), None)
            return found, [comment["body"][:200] for comment in comments]

        return wait_for(f"a comment with {text!r} on pull request {self.number}", look, seconds)


@dataclass
class Fork:
    """Somebody's own copy of an app's repository."""

    developer: Developer
    owner: str
    checkout: Checkout

    def propose_upstream(self, app: App, title: str) -> PullRequest:
        """Open a pull request to `app` from a new branch of the fork that greets with `title`."""
        self.checkout.git("fetch", "--quiet", app.detail["repository"]["cloneUrl"], "main")
        self.checkout.git("switch", "--quiet", "--detach", "FETCH_HEAD")
        change_greeting(self.checkout, title)
        commit = push_new_branch(self.checkout, title)
        return app.open(title, branch_name(title), commit, fork=self)


def push_greeting(checkout: Checkout, greeting: str, branch: str) -> str:
    """Change what /api/hello says, push that to `branch` and return the commit."""
    checkout.switch(branch)
    change_greeting(checkout, greeting)
    commit = checkout.commit(f"Say {greeting}")
    checkout.push()
    return commit


def change_greeting(checkout: Checkout, greeting: str) -> None:
    """Have /api/hello greet with `greeting`."""
    checkout.write(WORKER, _GREETING.sub(f"message: `{greeting}, $", checkout.read(WORKER)))


def push_new_branch(checkout: Checkout, title: str) -> str:
    """Commit what was changed on a branch named after `title`, push it and return the commit."""
    checkout.git("switch", "--quiet", "--create", branch_name(title))
    commit = checkout.commit(title)
    checkout.push()
    return commit


def branch_name(title: str) -> str:
    """Return a branch's name for a title: "Blue button!" -> "blue-button"."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
