"""Pages: they show what is there, and nothing that somebody wrote becomes code."""

import httpx
import pytest

from tests.contract.sandbox_github.driver import World

COMMENT = """<!-- branchline -->
| Environment | Address |
| --- | --- |
| preview | [open](http://preview-1.apps.localhost/) |

<script>alert(1)</script> [bad](javascript:alert(1)) <details>
"""


def page(world: World, path: str) -> str:
    answer = httpx.get(world.url + path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.text


def test_a_pull_request_shows_its_comment(world: World, repository: str) -> None:
    number = world.pull(repository)["number"]
    world.bot("POST", f"/repos/{repository}/issues/{number}/comments", 201, {"body": COMMENT})
    shown = page(world, f"/{repository}/pull/{number}")
    assert "<td>preview</td>" in shown
    assert '<a href="http://preview-1.apps.localhost/">open</a>' in shown
    assert "<!--" not in shown
    assert "&lt;!--" not in shown
    assert "<script>" not in shown
    assert 'href="javascript:' not in shown
    assert "feature.txt" in page(world, f"/{repository}/pull/{number}/files")


def test_what_people_write_is_escaped(world: World, repository: str) -> None:
    world.commit(repository, "main", {"<b>.md": "<script>alert(1)</script>"}, "<script>alert(1)</script>")
    for path in ("", "/commits", "/blob/main/<b>.md"):
        assert "<script>" not in page(world, f"/{repository}{path}")


@pytest.mark.parametrize(
    "path",
    ["", "/commits", "/pulls", "/deployments", "/tree/main/src", "/blob/main/README.md", "/commits/main"],
)
def test_a_repository_has_pages(world: World, repository: str, path: str) -> None:
    assert repository.partition("/")[2] in page(world, f"/{repository}{path}")


def test_a_commit_shows_its_changes_and_statuses(world: World, repository: str) -> None:
    sha = world.commit(repository, "main", {"README.md": "# Changed\n"})
    status = {"state": "success", "context": "branchline", "target_url": "javascript:alert(1)"}
    world.bot("POST", f"/repos/{repository}/statuses/{sha}", 201, status)
    shown = page(world, f"/{repository}/commit/{sha}")
    assert "# Changed" in shown
    assert "javascript:" not in shown


def test_owners_lead_to_their_repositories(world: World, repository: str) -> None:
    assert f'href="/{repository}"' in page(world, "/")
    assert f'href="/{repository}"' in page(world, "/acme")


def test_a_file_is_never_served_as_a_page(world: World, repository: str) -> None:
    world.commit(repository, "main", {"index.html": "<script>alert(1)</script>"})
    raw = httpx.get(f"{world.url}/{repository}/raw/main/index.html")
    assert raw.headers["Content-Type"].startswith("text/plain")
    assert raw.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/nobody", "/acme/nothing", "/acme/template/pull/9", "/acme/template/blob/main/no"]
)
def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    assert httpx.get(world.url + path).status_code == 404


def test_every_account_has_a_face(world: World) -> None:
    answer = httpx.get(world.bot("GET", "/users/ada", 200)["avatar_url"])
    assert answer.headers["Content-Type"].startswith("image/svg+xml")


def test_an_address_for_git_leads_to_the_page_and_nowhere_else(world: World) -> None:
    answer = httpx.get(world.url + "/acme/template.git")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/acme/template")
    # Browsers take "/\\" at the beginning of an address for "//".
    assert httpx.get(world.url + "/%5Cevil.example/x.git").status_code == 404


@pytest.mark.parametrize("path", ["/", "/acme/template", "/api/v3/repos/acme/template"])
def test_a_web_site_whose_name_leads_here_gets_nothing(world: World, path: str) -> None:
    for host, expected in {"evil.example:1234": 400, "localhost:1234": 200}.items():
        assert httpx.get(world.url + path, headers={"Host": host}).status_code == expected
