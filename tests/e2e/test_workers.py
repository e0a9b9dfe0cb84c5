"""Workers as somebody with a few functions meets them: in a second they answer, and nothing breaks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.functions import Worker
from sandbox.waiting import wait_for
from sandbox.web import Unexpected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.developer import App, Developer

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def bar(ada: Developer) -> Iterator[Worker]:
    worker = Worker.deploy(ada, "bar", "Good day")
    yield worker
    deleted = ada.branchline.call("DELETE", f"/api/workers/{worker.detail['id']}")
    ada.wait_for_job(deleted["jobId"])
    assert worker.developer.visitor.get(worker.detail["alternateUrl"]).status_code == 404


def greeting(worker: Worker, url: str) -> str:
    return str(worker.invoke("greet", url)["result"]["message"])


def put(worker: Worker, **body: Any) -> dict[str, Any]:
    path = f"/api/workers/{worker.detail['id']}"
    answer: dict[str, Any] = worker.developer.branchline.call("PUT", path, body)
    return answer


def test_functions_answer_at_both_addresses_as_soon_as_they_are_deployed(bar: Worker) -> None:
    assert bar.detail["status"] == "ready"
    assert sorted(bar.detail["functions"]) == ["brew", "greet"]
    for url in (bar.url, bar.detail["alternateUrl"], bar.detail["immutableUrl"]):
        assert greeting(bar, url) == "Good day, Ada!"
    assert bar.detail["expiresInDays"] == 7


def test_an_old_address_keeps_showing_what_it_shows(bar: Worker) -> None:
    first = bar.detail["immutableUrl"]
    bar.change("Good evening")
    assert greeting(bar, bar.url) == "Good evening, Ada!"
    assert greeting(bar, bar.detail["immutableUrl"]) == "Good evening, Ada!"
    assert greeting(bar, first) == "Good day, Ada!"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("export function greet( {", "worker:compile-failed"),
        ("export const greeting = 'hello'", "worker:no-functions"),
        ("throw new Error('not today'); export function greet() {}", "worker:does-not-start"),
        ("import pad from 'left-pad'; export const greet = () => pad", "worker:compile-failed"),
    ],
)
def test_broken_code_leaves_live_what_was(bar: Worker, code: str, why: str) -> None:
    with pytest.raises(Unexpected, match=why):
        put(bar, code=code)
    assert greeting(bar, bar.url) == "Good day, Ada!"
    assert bar.developer.branchline.get("/api/workers/bar")["status"] == "ready"


def test_an_invoke_key_keeps_others_out(bar: Worker) -> None:
    code = "export const greet = (payload, { headers }) => headers.get('authorization') === null;"
    key = put(bar, code=code, options={"invokeKey": True})["invokeKey"]
    visitor, address = bar.developer.visitor, f"{bar.url}/api/invoke/greet"
    assert visitor.post(address).status_code == 401
    answer = visitor.post(address, headers={"authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    again = put(bar, code=code)
    assert again["invokeKey"] is None
    assert visitor.post(address, headers={"authorization": f"Bearer {key}"}).status_code == 200


def test_files_go_up_together_and_old_versions_give_their_address_back(bar: Worker) -> None:
    lib = {"path": "lib/names.ts", "content": "export const name: string = 'Ada';"}
    first, last = bar.detail["immutableUrl"], ""
    for number in range(10):
        index = f"import {{ name }} from './lib/names'; export const greet = () => `{number} ${{name}}`;"
        last = put(bar, files=[{"path": "index.ts", "content": index}, lib])["immutableUrl"]
    assert bar.invoke("greet", last)["result"] == "9 Ada"

    def look() -> tuple[bool | None, object]:
        answer = bar.developer.visitor.post(f"{first}/api/invoke/greet", json={})
        is_gone = answer.status_code == 410 and answer.json()["error"]["code"] == "worker:expired"
        return is_gone or None, (answer.status_code, answer.text)

    wait_for("the first version's address given back", look, 120)


@pytest.mark.slow
def test_one_more_function_of_an_app_goes_through_its_pipeline(shop: App) -> None:
    code = "export const close = (hour: number) => `closed at ${hour}`;"
    ada = shop.developer
    added = ada.branchline.post(f"/api/apps/{shop.slug}/functions", {"name": "close", "code": code})
    assert added["path"] == "functions/close.ts"
    place = shop.wait_live("production", added["commit"])
    answer = ada.visitor.post(f"{place['url'].rstrip('/')}/api/invoke/close", json=8)
    assert answer.json()["result"] == "closed at 8"
    shop.checkout.switch("main")
