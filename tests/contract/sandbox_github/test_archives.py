"""Archives: a link that opens without a token, for a while, and streams what git packs."""

import io
import tarfile
import zipfile

import httpx
import pytest

from sandbox.github.routes import archives
from tests.contract.sandbox_github.driver import World


def link(world: World, repository: str, kind: str, ref: str = "/main") -> str:
    answer = world.bot.response("GET", f"/repos/{repository}/{kind}{ref}", 302)
    return answer.headers["Location"]


def fetch(url: str) -> httpx.Response:
    return httpx.get(url, timeout=30, trust_env=False)


def test_a_tarball_holds_the_files_below_one_folder(world: World, repository: str) -> None:
    answer = fetch(link(world, repository, "tarball"))
    folder = f"{repository.replace('/', '-')}-{world.head(repository)[:7]}"
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:gz") as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    assert names == [f"{folder}/README.md", f"{folder}/src/index.ts"]
    assert answer.headers["Content-Disposition"] == f"attachment; filename={folder}.tar.gz"


def test_a_zipball_is_of_the_ref_that_was_asked_for(world: World, repository: str) -> None:
    old = world.head(repository)
    world.commit(repository, "main", {"new.txt": "new\n"})
    with zipfile.ZipFile(io.BytesIO(fetch(link(world, repository, "zipball", f"/{old}")).content)) as archive:
        assert not any(name.endswith("new.txt") for name in archive.namelist())
    with zipfile.ZipFile(io.BytesIO(fetch(link(world, repository, "zipball")).content)) as archive:
        assert any(name.endswith("new.txt") for name in archive.namelist())


def test_what_is_not_there_has_no_archive(world: World, repository: str) -> None:
    world.bot("GET", f"/repos/{repository}/tarball/nothing", 404)
    world.bot("GET", "/repos/acme/nothing/tarball/main", 404)


def test_a_link_opens_what_is_private_and_nothing_else(world: World) -> None:
    private = world.repository(private=True)
    url = link(world, private, "tarball")
    world.anybody("GET", f"/repos/{private}/tarball/main", 404)
    assert fetch(url).is_success
    assert fetch(url.replace("tarball", "zipball")).status_code == 404
    assert fetch(url[:-1]).status_code == 404


def test_a_link_ends(world: World, repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LINK_SECONDS", -1)
    assert fetch(link(world, repository, "tarball")).status_code == 404
