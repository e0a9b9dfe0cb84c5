"""What a city remembers of itself, and tells a person's shell."""

from pathlib import Path

import pytest

from sandbox.plan import DEVELOPER, Plan

PORTS = {"github": 1, "cloudflare": 2, "dispatch": 3, "controlPlane": 4}
SECRETS = {"apiToken": "operator-token", "cloudflareToken": "c", "sessionKey": "s", "webhookSecret": "w"}


def test_a_shell_is_told_where_everything_is_and_what_opens_it(tmp_path: Path) -> None:
    (tmp_path / "github").mkdir()
    (tmp_path / "github" / "tokens.json").write_text(f'{{"{DEVELOPER}": "ghp_ada"}}')
    assert Plan(tmp_path, tmp_path, PORTS, SECRETS).shell_variables() == {
        "BRANCHLINE_URL": "http://127.0.0.1:4",
        "BRANCHLINE_API_TOKEN": "operator-token",
        "SANDBOX_GITHUB": f"http://{DEVELOPER}:ghp_ada@127.0.0.1:1",
        "SANDBOX_GITHUB_API": "http://127.0.0.1:1/api/v3",
        "SANDBOX_GITHUB_TOKEN": "ghp_ada",
    }


def test_what_could_not_be_written_whole_is_made_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("sandbox.plan._new_secrets", lambda: {"apiToken": "a", "cloudflareToken": object()})
        with pytest.raises(TypeError):
            Plan.of_directory(tmp_path, tmp_path)
    plan = Plan.of_directory(tmp_path, tmp_path)
    assert plan.secrets.keys() == SECRETS.keys()
    assert Plan.of_directory(tmp_path, tmp_path) == plan
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
