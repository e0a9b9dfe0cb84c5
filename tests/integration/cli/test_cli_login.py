"""`branchline login`, `logout`, `whoami` and `tokens`, against the web application itself."""

import json
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from app.cli import credentials
from app.errors import TooManyRequests
from tests.fakes.sign_in import FakeSignIn
from tests.integration.cli.control import Control, Said
from tests.integration.web.world import TOKEN, World

Run = Callable[..., Said]


class Willing(FakeSignIn):
    """Everybody at once says what they have decided; a terminal is told to wait `hurries` times before."""

    is_allowed, hurries = True, 0

    def finish_device(self, device_code: str) -> str | None:
        if self.hurries > 0:
            self.hurries -= 1
            raise TooManyRequests("signing in a device: too often", retry_after_seconds=0)
        device = self.devices.get(device_code)
        if device is not None and device.polls == 1:
            self.decide(device.user_code, is_allowed=self.is_allowed)
        return super().finish_device(device_code)


@pytest.fixture
def github() -> Willing:
    return Willing(interval_seconds=0, is_patient=True)


@pytest.fixture
def world(
    migrated_sqlite_url: str, github: Willing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[World]:
    """A control plane that listens, and a user without settings."""
    world = World(migrated_sqlite_url, lock_timeout_seconds=30, sign_in=github)
    server = make_server("127.0.0.1", 0, world.web, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("BRANCHLINE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("BRANCHLINE_API_TOKEN", raising=False)
    yield world
    server.shutdown()
    thread.join()
    server.server_close()
    world.close()


def ok(said: Said) -> Said:
    assert said.exit_code == 0, said.err
    return said


def good(world: World) -> list[str]:
    """Return the names of the tokens that are good."""
    with world.records.read() as tx:
        return [it.name for it in tx.api_tokens.list(None, good_at=world.clock())]


def test_a_machine_signs_in_and_acts_as_somebody(world: World, run: Run) -> None:
    said = ok(run("login", "--name", "laptop"))
    assert "Open https://github.test/login/device and enter CODE-" in said.err
    assert said.out.endswith(" as ada\n")
    assert "blt_" not in said.out + said.err
    assert "person" not in ok(run("whoami")).out
    assert json.loads(ok(run("whoami", "--json")).out)["person"]["login"] == "ada"
    assert good(world) == ["laptop"]


@pytest.mark.usefixtures("world")
def test_the_token_is_this_users_alone(run: Run) -> None:
    ok(run("login"))
    kept = credentials.place()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert [it.name for it in kept.parent.iterdir()] == [kept.name]


def test_signing_in_again_takes_the_former_token_back(world: World, run: Run) -> None:
    ok(run("login", "--name", "first"))
    ok(run("login", "--name", "second", "--scope", "deploy"))
    assert good(world) == ["second"]


@pytest.mark.parametrize("scope", ["apps:read", "deploy", "admin"])
def test_signing_out_takes_it_back_and_forgets_it(world: World, run: Run, scope: str) -> None:
    ok(run("login", "--scope", scope))
    assert ok(run("logout")).out.startswith("signed out at http")
    assert good(world) == []
    assert run("whoami").exit_code == 78
    assert ok(run("logout")).err.startswith("nobody is signed in")


def test_signing_out_forgets_a_token_that_is_over(world: World, run: Run) -> None:
    ok(run("login"))
    world.clock.advance(91 * 86_400)
    assert run("whoami").exit_code == 1
    ok(run("logout"))
    assert "blt_" not in credentials.place().read_text()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_that_could_not_be_taken_back_is_kept(
    control: Control, run: Run, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.delenv("BRANCHLINE_API_TOKEN")
    credentials.keep(control.url, "blt_secret")
    control.refuse("DELETE", "/api/tokens/current", status, "remote:unavailable", "later")
    said = run("logout")
    assert said.exit_code == (3 if status == 500 else 2)
    assert "may still be good" in said.err
    assert f"branchline logout --forget {control.url}\n" in said.err
    assert said.out == ""
    assert "blt_secret" not in said.err
    control.answer("DELETE", "/api/tokens/current", {"id": "tok_1"})
    assert ok(run("logout")).out == f"signed out at {control.url}\n"
    assert control.tokens == ["Bearer blt_secret"] * 2
    assert credentials.token_for(control.url) is None


def test_a_token_is_kept_while_nobody_answers(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    credentials.keep("http://127.0.0.1:1", "blt_secret")
    assert run("logout", "http://127.0.0.1:1").exit_code == 2
    assert credentials.token_for("http://127.0.0.1:1") == "blt_secret"


def test_a_token_may_be_forgotten_on_this_machine_only(world: World, run: Run) -> None:
    ok(run("login", "--name", "laptop"))
    assert ok(run("logout", "--forget")).out.endswith(", which stays good\n")
    assert good(world) == ["laptop"]
    assert "blt_" not in credentials.place().read_text()


def test_the_address_is_remembered(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    del world
    ok(run("login"))
    monkeypatch.delenv("BRANCHLINE_URL")
    assert "ada" in ok(run("whoami")).out


def test_a_setting_counts_for_more(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    del world
    ok(run("login"))
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", TOKEN)
    assert "operator" in ok(run("whoami")).out


def test_a_token_is_sent_to_no_other_control_plane(
    control: Control, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials.keep("http://127.0.0.1:1", "blt_secret")
    monkeypatch.setenv("BRANCHLINE_URL", control.url)
    monkeypatch.delenv("BRANCHLINE_API_TOKEN")
    said = run("whoami")
    assert said.exit_code == 78
    assert "branchline login" in said.err
    assert control.asked == []


def test_who_says_no_leaves_nothing(world: World, github: Willing, run: Run) -> None:
    github.is_allowed = False
    said = run("login")
    assert said.exit_code == 1
    assert "[sign-in:denied]" in said.err
    assert good(world) == []
    assert not credentials.place().exists()


def test_a_terminal_asks_less_often_when_it_is_told_to(world: World, github: Willing, run: Run) -> None:
    github.hurries = 2
    ok(run("login"))
    assert len(good(world)) == 1


def test_a_control_plane_where_nobody_signs_in_says_so(
    control: Control, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    control.refuse("POST", "/api/login/device", 404, "sign-in:not-set-up", "signing in: nobody can here")
    monkeypatch.delenv("BRANCHLINE_API_TOKEN")
    said = run("login")
    assert (said.exit_code, "[sign-in:not-set-up]" in said.err) == (1, True)
    assert control.tokens == [None]


def test_nobody_who_enters_the_code_is_waited_for_in_vain(control: Control, run: Run) -> None:
    begun = {
        "deviceCode": "x",
        "userCode": "ABCD-1234",
        "verificationUri": "https://github.test/login/device",
        "expiresInSeconds": 0,
        "intervalSeconds": 0,
    }
    control.answer("POST", "/api/login/device", begun)
    said = run("login")
    assert said.exit_code == 2
    assert "nobody entered the code in time" in said.err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tokens": 7}', '{"current": 7, "tokens": {"x": 7}}'])
def test_a_file_that_is_broken_is_no_token(
    control: Control, run: Run, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.delenv("BRANCHLINE_API_TOKEN")
    credentials.keep(control.url, "blt_secret")
    credentials.place().write_text(content)
    said = run("whoami")
    assert said.exit_code in {1, 78}
    assert "Traceback" not in said.err
    assert control.asked == []


def test_an_address_that_is_none_is_refused(control: Control, run: Run) -> None:
    assert run("login", "localhost:8000").exit_code == 78
    assert control.asked == []


# -------------------- tokens for programs


def test_tokens_are_made_listed_and_revoked(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ok(run("login", "--name", "laptop"))
    made = json.loads(ok(run("tokens", "create", "ci", "--scope", "deploy", "--days", "7", "--json")).out)
    listed = ok(run("tokens", "list")).out
    assert "ci" in listed
    assert "laptop" in listed
    assert made["token"] not in listed
    ok(run("tokens", "revoke", made["id"]))
    assert good(world) == ["laptop"]
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", made["token"])
    refused = run("whoami")
    assert refused.exit_code == 1
    assert made["token"] not in refused.err


def test_a_token_is_all_that_is_printed(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", TOKEN)
    said = ok(run("tokens", "create", "ci", "--service"))
    assert said.out.startswith("blt_")
    assert said.out.count("\n") == 1
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", said.out.strip())
    assert "token:ci" in ok(run("whoami")).out
    assert good(world) == ["ci"]


def test_what_cannot_be_made_is_refused(world: World, run: Run) -> None:
    ok(run("login", "--scope", "deploy"))
    assert run("tokens", "create", "ci").exit_code == 1
    assert run("tokens", "revoke", "tok_nothing").exit_code == 1
    assert run("tokens", "create", "ci", "--days", "367").exit_code == 1
    assert len(good(world)) == 1
