"""git at the addresses of strangers: held to what was looked up, stopped in time, and nothing left behind."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import psutil
import pytest

from app.domain.git_addresses import GitAddress
from app.errors import Misconfigured, RemoteRefused, RemoteUnavailable
from app.git import histories
from app.git.histories import GitHistories
from app.git.process import Git, GitFailed, Limits
from app.git.remotes import ours
from app.git.scratch import remove_abandoned, scratch
from tests.builders import a_repository
from tests.integration.git.servers import Answer, Web, say, serving

SHA = "4f1c2da4b825dc642cb6eb9a060e54bf8d69288f"
ADVERTISED = "application/x-git-upload-pack-advertisement"
TOKEN = "canary-token-of-the-push"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def _nothing_left_behind(temporary: Path) -> Iterator[None]:
    yield
    assert list(temporary.glob("branchline-git-*")) == []
    assert [
        it.name() for it in psutil.Process().children(recursive=True) if it.name().startswith("git")
    ] == []


def here(web: Web, host: str = "127.0.0.1") -> GitAddress:
    """Return the address of a repository that a server should have."""
    origin = f"http://{host}:{web.port}"
    return GitAddress.parse(f"{origin}/acme/shop", [origin])


def looking(**given: Limits) -> GitHistories:
    return GitHistories(lambda: TOKEN, resolve=lambda _host, _port: ["127.0.0.1"], **given)


def refusal(git: GitHistories, address: GitAddress) -> RemoteRefused:
    with pytest.raises(RemoteRefused) as refused:
        git.heads(address)
    return refused.value


def test_the_connection_goes_to_what_was_looked_up() -> None:
    with serving(say(404)) as web:
        refusal(looking(), here(web, "nobody.knows.this.example"))
    assert web.asked[0] == (
        f"nobody.knows.this.example:{web.port}",
        "/acme/shop/info/refs?service=git-upload-pack",
    )


def test_a_redirect_is_not_followed() -> None:
    with serving(say(200)) as canary, serving(say(302, Location=f"{canary.origin}/acme/shop")) as web:
        refused = refusal(looking(), here(web))
    assert refused.error_code == "import:redirected"
    assert canary.asked == []


def test_objects_are_not_fetched_from_where_a_stranger_says() -> None:
    with serving(say(404)) as canary, serving(_dumb(f"{canary.origin}/x/objects")) as web:
        target = a_repository(clone_url=f"{canary.origin}/acme/target")
        with pytest.raises(RemoteRefused):
            looking().copy(here(web), target, {})
        assert any("http-alternates" in path for _, path in web.asked)
    assert canary.asked == []


def _dumb(alternate: str) -> Answer:
    """Speak the protocol of plain files, with an alternate elsewhere."""
    files = {
        "/acme/shop/info/refs": f"{SHA}\trefs/heads/main\n",
        "/acme/shop/HEAD": "ref: refs/heads/main\n",
        "/acme/shop/objects/info/http-alternates": f"{alternate}\n",
        "/acme/shop/objects/info/packs": "\n",
    }

    def answer(request: BaseHTTPRequestHandler) -> None:
        found = files.get(request.path.partition("?")[0])
        (say(200, found.encode(), Content_Type="text/plain") if found else say(404))(request)

    return answer


def test_a_proxy_of_ours_is_not_used_for_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(say(502)) as proxy, serving(say(404)) as web:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.proxy")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", proxy.origin)
        assert refusal(looking(), here(web)).error_code == "import:not-found"
    assert proxy.asked == []


def test_who_asks_for_a_password_gets_none() -> None:
    with serving(say(401, WWW_Authenticate='Basic realm="x"')) as web:
        assert refusal(looking(), here(web)).error_code == "import:not-readable"
    assert len(web.asked) <= 2


@pytest.mark.parametrize(
    "body",
    [b"", b"0000", b"<html>", b"001e# service=git-upload-pack\n0000", b"ffff" * 100, b"\0" * 100_000],
)
def test_nonsense_is_refused(body: bytes) -> None:
    with serving(say(200, body, Content_Type=ADVERTISED)) as web:
        assert refusal(looking(), here(web)).error_code in {"import:unreachable", "import:empty"}


def test_a_host_that_dawdles_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(histories, "_LOOK", Limits(seconds=1))

    def wait(_: BaseHTTPRequestHandler) -> None:
        ended.wait(30)

    with serving(wait) as web:
        began = time.monotonic()
        assert refusal(looking(), here(web)).error_code == "import:too-slow"
        assert time.monotonic() - began < 25
        ended.set()


def test_a_list_of_refs_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "_LOOK", Limits(seconds=5, file_bytes=1024 * 1024))
    with serving(_endless) as web:
        assert refusal(looking(), here(web)).error_code in {
            "import:too-slow",
            "import:too-large",
            "import:unreachable",
        }


def _endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", ADVERTISED)
    request.end_headers()
    line = b"%04x%s refs/heads/x\n" % (4 + len(SHA) + 14, SHA.encode())
    try:
        request.wfile.write(b"001e# service=git-upload-pack\n0000")
        while True:
            request.wfile.write(line * 1000)
    except OSError:
        return


def test_only_two_histories_are_moved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, git = threading.Event(), looking()
    monkeypatch.setattr(histories, "_LOOK", Limits(seconds=60))

    def wait(request: BaseHTTPRequestHandler) -> None:
        ended.wait(60)
        say(404)(request)

    with serving(wait) as web:
        threads = [threading.Thread(target=refusal, args=(git, here(web))) for _ in range(2)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 60
        while len(web.asked) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        with pytest.raises(RemoteUnavailable):
            git.heads(here(web))
        ended.set()
        for thread in threads:
            thread.join()


# -------------------- our own credential


def test_the_token_is_on_no_command_line(tmp_path: Path) -> None:
    remote = ours(a_repository(clone_url="https://github.com/acme/shop.git"), TOKEN)
    git = Git(tmp_path, remote.configuration, remote.secrets, uses_proxies=True)
    assert TOKEN not in " ".join(git._command(["push", "--", remote.url]))
    assert TOKEN in git._environment().values()
    assert TOKEN not in repr(remote)


def test_the_token_goes_to_its_host_alone(tmp_path: Path) -> None:
    remote = ours(a_repository(clone_url="https://github.com/acme/shop.git"), TOKEN)
    git = Git(tmp_path, remote.configuration, remote.secrets)
    question = tmp_path / "question"

    def ask(host: str) -> str:
        question.write_text(f"protocol=https\nhost={host}\n\n")
        alias = {**remote.configuration, "alias.ask": f"!git credential fill < {question}"}
        return Git(tmp_path, alias, remote.secrets).run("ask")

    assert f"password={TOKEN}" in ask("github.com")
    with pytest.raises(GitFailed, match="terminal prompts disabled"):
        ask("github.com.evil.example")
    assert git.limits.seconds == 600


# -------------------- bounds and traces


def test_a_file_that_grows_too_large_is_stopped(tmp_path: Path) -> None:
    git = Git(tmp_path, {}, {}, limits=Limits(seconds=20, file_bytes=100_000))
    git.run("init", "--bare", "--quiet", ".")
    (tmp_path / "random").write_bytes(os.urandom(300_000))
    with pytest.raises(GitFailed) as failed:
        git.run("hash-object", "-w", "random")
    assert failed.value.is_too_large


def test_what_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    endless = {"alias.sleep": "!sleep 300 & sleep 300"}
    with pytest.raises(GitFailed) as failed:
        Git(tmp_path, endless, {}, limits=Limits(seconds=1)).run("sleep")
    assert failed.value.is_too_slow
    left = [it for it in psutil.process_iter(["cmdline"]) if it.info["cmdline"] == ["sleep", "300"]]
    assert left == []


def test_a_machine_without_git_is_the_operators_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="install git"):
        Git(tmp_path, {}, {}).run("version")


def test_nobodys_configuration_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\nname = Somebody\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("GIT_TRACE_CURL", "1")
    listed = Git(tmp_path, {}, {}).run("config", "--list")
    assert "user.name" not in listed
    assert "GIT_TRACE_CURL" not in Git(tmp_path, {}, {})._environment()


def test_scratch_is_removed_whatever_happens(temporary: Path) -> None:
    def fail() -> None:
        with scratch(1) as directory:
            (directory / "pack").write_bytes(b"x")
            raise ValueError("oh")

    with pytest.raises(ValueError, match="oh"):
        fail()
    assert list(temporary.iterdir()) == []
    with pytest.raises(RemoteUnavailable, match="no room"), scratch(2**60):
        raise AssertionError("it was made")


def test_what_dead_processes_left_is_removed_in_time(temporary: Path) -> None:
    old, young, other = (temporary / name for name in ("branchline-git-old", "branchline-git-new", "other"))
    for path in (old, young, other):
        path.mkdir()
        (path / "pack").write_bytes(b"x")
    link = temporary / "branchline-git-link"
    link.symlink_to(other)
    for path in (old, other):
        os.utime(path, (0, 0))
    remove_abandoned(temporary, time.time() - 3600)
    assert {it.name for it in temporary.iterdir()} == {"branchline-git-new", "branchline-git-link", "other"}
    assert (other / "pack").exists()
    link.unlink()
    (young / "pack").unlink()
    young.rmdir()
