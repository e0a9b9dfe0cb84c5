"""The demo: one app from nothing to production, through a pull request with its preview, and back.

Every address is really requested, in both of its forms, and what it answers is checked; the first thing that
is not as it should be ends the story with what was seen. The story knows only what a developer can see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx

from sandbox.releases import resume, roll_back, secrets_of, wait_ready
from sandbox.waiting import wait_for
from sandbox.web import Unexpected

if TYPE_CHECKING:
    from sandbox.developer import App, Developer, PullRequest
    from sandbox.steps import Steps

GONE_SECONDS = 120.0
# Its icon, its script and its style.
FILES_OF_THE_PAGE = 3
HEADING = "<h1>It is live.</h1>"
WORKFLOW = ".github/workflows/deploy.yml"


@dataclass
class Story:
    """Tells the steps one after the other and remembers what there is to open in the end."""

    developer: Developer
    steps: Steps
    places: dict[str, str] = field(default_factory=dict)

    def tell(self, name: str = "hello") -> None:
        """Run the whole story with a new app called `name`."""
        app, first = self._create(name)
        second = self._push(app, "main", "production", "Good day")
        self._push(app, "staging", "staging", "Good evening")
        self._roll_back(app, first, second)
        self._push_while_pinned(app, first, "Good morning")
        pull, comment = self._open_pull_request(app, "Hello from the branch")
        self._push_again(pull, comment, "Hello once more")
        self._close(pull, comment)

    def _create(self, name: str) -> tuple[App, str]:
        with self.steps.step(f"create app {name}") as step:
            app = self.developer.create_app(name)
            detail = app.detail
            check_repository(app, self.developer)
            step.result = f"{detail['slug']}  {detail['repository']['htmlUrl']}"
        self.places["repository"] = detail["repository"]["htmlUrl"]
        with self.steps.step("its repository holds no secret: no run ever sees Cloudflare's token") as step:
            expect(app.repository, "secrets", secrets_of(app), [])
            step.result = "0 secrets"
        first = app.checkout.git("rev-parse", "HEAD")
        with self.steps.step("production answers with the first commit") as step:
            step.result = app.wait_live("production", first)["url"]
        return app, first

    def _push(self, app: App, branch: str, environment: str, greeting: str) -> str:
        with self.steps.step(f"push to {branch}: {environment} answers with that commit") as step:
            commit = app.push(greeting, branch)
            place = app.wait_live(environment, commit)
            check_place(self.developer, place, environment, commit, greeting)
            step.result = f"{commit[:7]}  {place['url']}"
        self.places[environment] = place["url"]
        return commit

    def _roll_back(self, app: App, first: str, second: str) -> None:
        with self.steps.step("roll production back: the first commit answers again, without a build") as step:
            roll_back(app)
            place = app.wait_live("production", first)
            expect(app.slug, "pinned to", place["pinned"]["deploymentId"], place["deploymentId"])
            step.result = f"{first[:7]}  {place['url']}"
        with self.steps.step("what was rolled back keeps its own address") as step:
            own = wait_ready(app, "production", second)["immutableUrl"]
            expect(own, "commit", app.version(own).get("commit"), second)
            step.result = f"{second[:7]}  {own}"

    def _push_while_pinned(self, app: App, first: str, greeting: str) -> None:
        with self.steps.step("push while pinned: built, but not live") as step:
            commit = app.push(greeting)
            own = wait_ready(app, "production", commit)["immutableUrl"]
            expect(own, "commit", app.version(own).get("commit"), commit)
            live = app.detail["environments"]["production"]["url"]
            expect(live, "commit", app.version(live).get("commit"), first)
            step.result = f"{commit[:7]}  {own}"
        with self.steps.step("resume: the push goes live") as step:
            resume(app)
            place = app.wait_live("production", commit)
            check_place(self.developer, place, "production", commit, greeting)
            step.result = f"{commit[:7]}  {place['url']}"

    def _open_pull_request(self, app: App, title: str) -> tuple[PullRequest, dict[str, Any]]:
        with self.steps.step("open a pull request: its preview answers") as step:
            pull = app.open_pull_request(title)
            place = pull.wait_live()
            check_place(self.developer, place, "preview", pull.commit, title)
            step.result = f"#{pull.number}  {place['url']}"
        with self.steps.step("one comment on the pull request has the address") as step:
            comment = pull.wait_comment(place["url"])
            check_one_comment(pull, comment)
            step.result = comment["html_url"]
        self.places["pull request"] = pull.html_url
        return pull, comment

    def _push_again(self, pull: PullRequest, comment: dict[str, Any], greeting: str) -> None:
        with self.steps.step("push to the branch again: the preview has the new code") as step:
            commit = pull.push(greeting)
            place = pull.wait_live()
            check_place(self.developer, place, "preview", commit, greeting)
            step.result = f"{commit[:7]}  {place['url']}"
        with self.steps.step("the same comment was edited") as step:
            edited = pull.wait_comment(commit[:7])
            check_one_comment(pull, comment)
            step.result = f"comment {edited['id']}"

    def _close(self, pull: PullRequest, comment: dict[str, Any]) -> None:
        place = pull.preview or {}
        with self.steps.step("close the pull request: the preview is gone") as step:
            pull.close()
            wait_gone(self.developer, [place["url"], place["alternateUrl"]])
            step.result = f"404  {place['url']}"
        with self.steps.step("the comment says so"):
            pull.wait_comment("closed")
            check_one_comment(pull, comment)


def check_repository(app: App, developer: Developer) -> None:
    """Check that the repository is the template plus one commit that has the workflow."""
    github = developer.github.get(f"/repos/{app.repository}")
    base = developer.clone_template().git("rev-parse", "HEAD")
    if not github["fork"] or app.checkout.git("rev-parse", "HEAD^") != base:
        raise Unexpected(f"{app.repository} is not the template at {base[:7]} and one commit")
    if not (app.checkout.directory / WORKFLOW).exists():
        raise Unexpected(f"{app.repository} has no {WORKFLOW}")


def check_place(
    developer: Developer, place: dict[str, Any], environment: str, commit: str, greeting: str
) -> None:
    """Check page, version and code at both addresses of a place."""
    for address in (place["url"], place["alternateUrl"]):
        root = address.rstrip("/")
        version = developer.visit(f"{root}/api/version").json()
        hello = developer.visit(f"{root}/api/hello?name=Ada").json()
        page = developer.visit(address)
        expect(address, "commit", version["commit"], commit)
        expect(address, "environment", version["environment"], environment)
        expect(address, "greeting", hello, {"message": f"{greeting}, Ada!"})
        expect(address, "status of the page", page.status_code, httpx.codes.OK)
        expect(address, "heading on the page", HEADING in page.text, wanted=True)
        check_assets(developer, page)


def check_assets(developer: Developer, page: httpx.Response) -> None:
    """Check that the files of a page are found where the page says."""
    found = re.findall(r'(?:src|href)="(\./[^"]+)"', page.text)
    expect(str(page.url), "number of files of the page", len(found), FILES_OF_THE_PAGE)
    for path in found:
        answer = developer.visitor.get(urljoin(str(page.url), path))
        is_page = answer.headers["content-type"].startswith("text/html")
        expect(str(answer.url), "shows the page instead", is_page, wanted=False)


def expect(address: str, what: str, found: object, wanted: object) -> None:
    """Raise Unexpected unless `found` is what was wanted at `address`."""
    if found != wanted:
        raise Unexpected(f"{address}: {what} is {found!r}, not {wanted!r}")


def check_one_comment(pull: PullRequest, comment: dict[str, Any]) -> None:
    """Check that the pull request has this one comment and no other."""
    expect(pull.html_url, "comments", [found["id"] for found in pull.comments()], [comment["id"]])


def wait_gone(developer: Developer, addresses: list[str]) -> None:
    """Wait until all addresses answer 404."""

    def look() -> tuple[bool | None, object]:
        found = [developer.visit(address).status_code for address in addresses]
        return (True if set(found) == {httpx.codes.NOT_FOUND} else None), found

    wait_for(f"404 at {addresses}", look, GONE_SECONDS)
