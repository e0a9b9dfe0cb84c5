"""Hooks and deliveries: signed, in order, once, looked at and sent again."""

from tests.contract.sandbox_github.driver import Receiver, World, eventually


def sent(world: World, path: str, count: int) -> list[dict[str, object]]:
    """Return a hook's deliveries, newest first, once there are so many."""

    def look() -> list[dict[str, object]]:
        found: list[dict[str, object]] = world.bot("GET", f"{path}/deliveries", 200)
        return found if len(found) >= count else []

    return eventually(look)


def test_a_new_hook_is_pinged_with_a_signature(world: World, repository: str, receiver: Receiver) -> None:
    hook = world.hook(repository, receiver)
    (ping,) = receiver.wait("ping")
    ping.check()
    assert ping.is_signed()
    assert ping.headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert ping.headers["X-GitHub-Hook-ID"] == str(hook)
    assert ping.headers["X-GitHub-Hook-Installation-Target-Type"] == "repository"
    assert ping.headers["Content-Type"] == "application/json"
    assert ping.body["hook"]["config"]["secret"] == "********"


def test_a_hook_gets_only_what_it_asked_for(world: World, repository: str, receiver: Receiver) -> None:
    world.hook(repository, receiver, ("create",))
    world.commit(repository, "topic", {"a": "b"})
    receiver.wait("create")
    assert receiver.names() == ["ping", "create"]


def test_hooks_are_listed_changed_pinged_and_deleted(
    world: World, repository: str, receiver: Receiver
) -> None:
    hooks, hook = f"/repos/{repository}/hooks", world.hook(repository, receiver, ("push",))
    config = {"url": receiver.url, "content_type": "json"}
    world.bot("POST", hooks, 422, {"config": config, "events": ["push"]})
    world.bot("POST", hooks, 422, {"config": {"url": "nowhere"}})
    world.ada("GET", hooks, 403)
    changed = world.bot("PATCH", f"{hooks}/{hook}", 200, {"add_events": ["pull_request"], "active": True})
    assert changed["events"] == ["pull_request", "push"]
    world.bot("PATCH", f"{hooks}/{hook}/config", 200, {"content_type": "form"})
    assert world.bot("GET", f"{hooks}/{hook}/config", 200)["content_type"] == "form"
    world.bot("POST", f"{hooks}/{hook}/pings", 204)
    eventually(lambda: len(receiver.deliveries) == 2)
    assert receiver.deliveries[1].raw.startswith(b"payload=")
    assert [found["id"] for found in world.bot("GET", hooks, 200)] == [hook]
    world.bot("DELETE", f"{hooks}/{hook}", 204)
    world.bot("GET", f"{hooks}/{hook}", 404)


def test_deliveries_arrive_in_the_order_of_what_happened(
    world: World, repository: str, receiver: Receiver
) -> None:
    world.hook(repository, receiver, ("push",))
    shas = [world.commit(repository, "main", {"counter": str(number)}) for number in range(5)]
    eventually(lambda: len(receiver.deliveries) == 6)
    assert [delivery.body["after"] for delivery in receiver.deliveries[1:]] == shas


def test_a_failed_delivery_is_kept_and_not_sent_again(
    world: World, repository: str, receiver: Receiver
) -> None:
    receiver.answers = [500]
    path = f"/repos/{repository}/hooks/{world.hook(repository, receiver, ('push',))}"
    (failed,) = sent(world, path, 1)
    assert (failed["status_code"], failed["status"]) == (500, "Invalid HTTP Response: 500")
    world.commit(repository, "main", {"a": "b"})
    receiver.wait("push")
    assert receiver.names() == ["ping", "push"]
    assert eventually(lambda: world.bot("GET", path, 200)["last_response"]["code"] == 200)


def test_a_redelivery_has_the_same_guid_and_body(world: World, repository: str, receiver: Receiver) -> None:
    path = f"/repos/{repository}/hooks/{world.hook(repository, receiver)}"
    (first,) = sent(world, path, 1)
    assert world.bot("POST", f"{path}/deliveries/{first['id']}/attempts", 202) == {}
    again, _ = sent(world, path, 2)
    assert (again["guid"], again["redelivery"]) == (first["guid"], True)
    assert receiver.deliveries[0].raw == receiver.deliveries[1].raw
    shown = world.bot("GET", f"{path}/deliveries/{again['id']}", 200)
    assert shown["request"]["headers"]["X-GitHub-Delivery"] == first["guid"]
    assert shown["request"]["payload"]["zen"]


def test_nobody_answering_is_a_delivery_too(world: World, repository: str) -> None:
    gone = Receiver()
    gone.start()
    gone.close()
    path = f"/repos/{repository}/hooks/{world.hook(repository, gone)}"
    (failed,) = sent(world, path, 1)
    assert (failed["status_code"], failed["status"]) == (502, "failed to connect to host")


def test_deliveries_come_in_pages_by_cursor(world: World, repository: str, receiver: Receiver) -> None:
    path = f"/repos/{repository}/hooks/{world.hook(repository, receiver)}"
    world.bot("POST", f"{path}/pings", 204)
    newest, oldest = sent(world, path, 2)
    page = world.bot.response("GET", f"{path}/deliveries", 200, per_page="1")
    rest = world.bot.client.get(page.links["next"]["url"])
    assert [page.json()[0]["id"], rest.json()[0]["id"]] == [newest["id"], oldest["id"]]
    assert "next" not in rest.links
