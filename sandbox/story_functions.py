"""The demo's second act: functions with an address in a second, and an app made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.functions import CUPS, Worker
from sandbox.story import expect

if TYPE_CHECKING:
    from sandbox.developer import Developer
    from sandbox.steps import Steps

# What was given as one text, as a file of the repository.
FUNCTIONS = "functions/functions.ts"
APP_SUFFIX = "-app"


def tell_of_functions(developer: Developer, steps: Steps, name: str = "kiosk") -> dict[str, str]:
    """Deploy, call, change and grow a worker; return the places to look at."""
    worker = _deploy(developer, steps, name)
    _call(worker, steps)
    _change(worker, steps)
    repository = _grow(developer, worker, steps, name)
    return {"functions": worker.url, "their repository": repository}


def _deploy(developer: Developer, steps: Steps, name: str) -> Worker:
    with steps.step("deploy two functions: an address, no repository, no build queue") as step:
        worker = Worker.deploy(developer, name, "Good day")
        expect(name, "functions", sorted(worker.detail["functions"]), ["brew", "greet"])
        step.result = worker.url
    return worker


def _call(worker: Worker, steps: Steps) -> None:
    with steps.step("call one: result and logs in one answer") as step:
        answer = worker.invoke("greet")
        expect(worker.url, "result", answer["result"], {"message": "Good day, Ada!"})
        expect(worker.url, "log", [line["message"] for line in answer["logs"]], ["making 3 cups for Ada"])
        step.result = f"{answer['result']['message']}  {answer['duration']} ms"
    with steps.step("call the other as a stream: its lines come one by one") as step:
        events = list(worker.stream("brew"))
        lines = [event["message"] for name, event in events if name == "log"]
        expect(worker.url, "lines", lines, [f"cup {cup + 1}" for cup in range(CUPS)])
        expect(worker.url, "last event", events[-1][0], "result")
        step.result = ", ".join(lines)


def _change(worker: Worker, steps: Steps) -> None:
    before = worker.detail["immutableUrl"]
    with steps.step("deploy a new version: the old one still answers at its own address") as step:
        worker.change("Good evening")
        new, old = worker.invoke("greet"), worker.invoke("greet", before)
        expect(worker.url, "result", new["result"], {"message": "Good evening, Ada!"})
        expect(before, "result", old["result"], {"message": "Good day, Ada!"})
        step.result = before


def _grow(developer: Developer, worker: Worker, steps: Steps, name: str) -> str:
    with steps.step("make an app of it: its functions are in a repository now") as step:
        developer.wait_for_job(worker.make_app(f"{name}{APP_SUFFIX}")["jobId"])
        app = developer.app(f"{name}{APP_SUFFIX}")
        place = app.wait_live("production", app.checkout.git("rev-parse", "HEAD"))
        answer = worker.invoke("greet", place["url"])
        expect(place["url"], "result", answer["result"], {"message": "Good evening, Ada!"})
        step.result = place["url"]
    with steps.step("push to it: the functions go through the pipeline") as step:
        changed = app.checkout.read(FUNCTIONS).replace("Good evening", "Good night")
        app.checkout.write(FUNCTIONS, changed)
        commit = app.checkout.commit("Say good night")
        app.checkout.push()
        place = app.wait_live("production", commit)
        answer = worker.invoke("greet", place["url"])
        expect(place["url"], "result", answer["result"], {"message": "Good night, Ada!"})
        step.result = f"{commit[:7]}  {place['url']}"
    return str(app.detail["repository"]["htmlUrl"])
