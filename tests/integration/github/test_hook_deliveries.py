"""Lists of deliveries in the shapes that GitHub gives them, and in others."""

from typing import Any

import pytest
import responses

from app.errors import RemoteUnavailable
from app.github.client import GitHub
from app.github.hook_deliveries import GitHubHookDeliveries
from app.ports import Hook
from tests.integration.github.recorded import SHOP, query

HOOK = Hook("acme/shop", 7)
LIST = f"{SHOP}/hooks/7/deliveries"
# https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook
SENT: dict[str, Any] = {
    "id": 2**41,
    "guid": "58474f00-b361-11eb-836d-0e4f3503ccbe",
    "delivered_at": "2026-11-22T11:59:00Z",
    "redelivery": False,
    "duration": 0.27,
    "status": "failed to connect to host",
    "status_code": 502,
    "event": "push",
    "action": None,
    "installation_id": None,
    "repository_id": 7,
    "throttled_at": None,
}


def test_the_cursor_of_the_next_page_is_followed(http: responses.RequestsMock, github: GitHub) -> None:
    following = f'<{LIST}?per_page=100&cursor=v1_17%3D%3D>; rel="next", <{LIST}>; rel="prev"'
    http.get(LIST, json=[SENT], headers={"Link": following})
    page = GitHubHookDeliveries(github).sent(HOOK)
    assert (page.next_cursor, page.attempts[0].id, page.attempts[0].status_code) == ("v1_17==", 2**41, 502)
    http.get(LIST, json=[])
    last = GitHubHookDeliveries(github).sent(HOOK, "v1_17==")
    assert query(http, 1) == {"per_page": "100", "cursor": "v1_17=="}
    assert (list(last.attempts), last.next_cursor) == ([], None)


@pytest.mark.parametrize("change", [{"delivered_at": None}, {"guid": 5}, {"id": None}, {"status_code": "x"}])
def test_one_that_cannot_be_read_keeps_nobody_back(
    http: responses.RequestsMock, github: GitHub, change: dict[str, Any]
) -> None:
    http.get(LIST, json=[{**SENT, **change}, SENT])
    assert len(GitHubHookDeliveries(github).sent(HOOK).attempts) == 1


@pytest.mark.parametrize("rows", [{}, [5], [{}], "text"])
def test_what_is_no_list_is_an_outage(http: responses.RequestsMock, github: GitHub, rows: Any) -> None:
    http.get(LIST, json={"rows": rows} if rows == {} else rows)
    with pytest.raises(RemoteUnavailable):
        GitHubHookDeliveries(github).sent(HOOK)


def test_what_may_hold_a_secret_is_not_kept(http: responses.RequestsMock, github: GitHub) -> None:
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": SENT["guid"],
        "X-Hub-Signature-256": "sha256=00",
        "X-Github-Encoded-Secret": "c2VjcmV0",
    }
    whole = {**SENT, "request": {"headers": headers, "payload": {"ref": "grüße", "nothing": None}}}
    http.get(f"{LIST}/1", json=whole)
    kept, body = GitHubHookDeliveries(github).fetch(HOOK, 1)
    assert kept == {"X-GitHub-Event": "push", "X-GitHub-Delivery": SENT["guid"]}
    assert body == '{"ref":"grüße","nothing":null}'.encode()


@pytest.mark.parametrize(
    "request_", [None, {}, {"headers": {}, "payload": {}}, {"headers": {}, "payload": "x"}]
)
def test_what_does_not_say_what_it_is_is_not_kept(
    http: responses.RequestsMock, github: GitHub, request_: Any
) -> None:
    http.get(f"{LIST}/1", json={**SENT, "request": request_})
    with pytest.raises(RemoteUnavailable):
        GitHubHookDeliveries(github).fetch(HOOK, 1)
