"""actions_templates/deploy.mjs as Actions runs it: a process per step, a control plane that records."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from sandbox.node import node_directory
from tests.integration.workflow_run import (
    ENDLESS_WRANGLER,
    GRANT,
    PROOFS,
    RUNNER_TOKEN,
    SECRET,
    Recorder,
    Run,
    recorder,
    run,
    wait_until,
)

__all__ = ["recorder", "run"]  # the fixtures

CLOUDFLARE_TOKEN = "cloudflare-token-of-the-repository"
GOOD_WRANGLER = """#!/usr/bin/env node
const called = { args: process.argv.slice(2), env: process.env };
require("fs").writeFileSync("wrangler.json", JSON.stringify(called));
"""
BAD_WRANGLER = """#!/usr/bin/env node
console.error("\\u001b[31mNo such module, token was " + process.env.CLOUDFLARE_API_TOKEN);
process.exit(1);
"""
LONG_LINED_WRANGLER = """#!/usr/bin/env node
console.error(process.env.CLOUDFLARE_API_TOKEN + "x".repeat(1990));
process.exit(1);
"""
TELLING_NPM = "node -e \"require('fs').writeFileSync('npm.json', JSON.stringify(process.env))\""


def test_its_rules_hold(tmp_path: Path) -> None:
    result = subprocess.run(
        [node_directory(tmp_path) / "node", "--test", Path(__file__).with_name("deploy_script.test.mjs")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_a_run_installs_builds_deploys_and_reports_success(run: Run, recorder: Recorder) -> None:
    assert run.step("install")[0] == 0
    assert run.step("build")[0] == 0
    run.write_wrangler(GOOD_WRANGLER)
    code, output = run.step("deploy")
    assert code == 0, output
    assert "Deployed to preview: http://preview.test" in output
    assert "This commit, for good: http://preview-1.test" in run.summary.read_text()
    (start,), (finish,) = recorder.starts_asked, recorder.ends_told
    assert (start["branch"], start["commit"]) == ("blue", "c" * 40)
    assert start["phases"].keys() == {"install", "build"}
    assert finish["phases"].keys() == {"install", "build", "deploy"}
    assert (finish["deployment"], finish["conclusion"], finish["error"]) == ("dpl_1", "success", None)


def test_each_message_bears_a_token_of_its_own_that_no_log_shows(run: Run, recorder: Recorder) -> None:
    run.write_wrangler(GOOD_WRANGLER)
    _, output = run.step("deploy")
    assert recorder.proofs == ["Bearer token-of-github-1", "Bearer token-of-github-2"]
    for token in ("token-of-github-1", "token-of-github-2"):
        assert output.count(token) == output.count(f"::add-mask::{token}") == 1
    asked = [(path, proof) for method, path, proof in recorder.requests if method == "GET"]
    audience = quote(recorder.url, safe="")
    assert asked == [(f"/token?api-version=2.0&audience={audience}", f"Bearer {RUNNER_TOKEN}")] * 2


def test_a_secret_is_used_where_there_is_one(run: Run, recorder: Recorder) -> None:
    run.write_wrangler(GOOD_WRANGLER)
    assert run.step("deploy", BRANCHLINE_SECRET=SECRET)[0] == 0
    assert [str(proof)[:3] for proof in recorder.proofs] == ["v1,", "v1,"]
    assert "GET" not in {method for method, _, _ in recorder.requests}


def test_wrangler_is_told_where_to_deploy_and_not_who_the_run_is(run: Run, recorder: Recorder) -> None:
    run.write_wrangler(GOOD_WRANGLER)
    _, output = run.step("deploy", BRANCHLINE_SECRET=SECRET, CLOUDFLARE_API_TOKEN=CLOUDFLARE_TOKEN)
    called = json.loads((run.app / "wrangler.json").read_text())
    assert called["args"] == [
        "deploy",
        "--dispatch-namespace",
        "branchline-dev-preview",
        "--name",
        "preview-pr7-abcd1234",
    ]
    assert called["env"]["CLOUDFLARE_API_BASE_URL"] == f"{recorder.url}/client/v4"
    assert called["env"]["CLOUDFLARE_API_TOKEN"] == GRANT
    assert not PROOFS & called["env"].keys()
    assert CLOUDFLARE_TOKEN not in called["env"].values()
    assert output.count(GRANT) == output.count(f"::add-mask::{GRANT}") == 1
    # The tags are Branchline's to put.
    assert {path for method, path, _ in recorder.requests if method == "PUT"} == set()


def test_npm_is_not_told_who_the_run_is(run: Run) -> None:
    run.write_package(build=TELLING_NPM)
    run.step("build", BRANCHLINE_SECRET=SECRET)
    told = json.loads((run.app / "npm.json").read_text())
    assert not PROOFS & told.keys()
    assert not {SECRET, RUNNER_TOKEN} & set(told.values())


def test_a_run_that_uploads_by_itself_sets_tags_and_variables(run: Run, recorder: Recorder) -> None:
    recorder.starts = [(200, recorder.allowed_by_itself())]
    run.write_wrangler(GOOD_WRANGLER)
    _, output = run.step("deploy", BRANCHLINE_SECRET=SECRET, CLOUDFLARE_API_TOKEN=CLOUDFLARE_TOKEN)
    called = json.loads((run.app / "wrangler.json").read_text())
    assert called["args"][-2:] == ["--var", f"BRANCHLINE_COMMIT:{'c' * 40}"]
    assert called["env"]["CLOUDFLARE_API_TOKEN"] == CLOUDFLARE_TOKEN
    assert not PROOFS & called["env"].keys()
    assert output.count(CLOUDFLARE_TOKEN) == output.count(f"::add-mask::{CLOUDFLARE_TOKEN}") == 1
    namespace = "/client/v4/accounts/acc/workers/dispatch/namespaces/branchline-dev-preview"
    put = ("PUT", f"{namespace}/scripts/preview-pr7-abcd1234/tags", ["app-1", "env-preview"])
    assert put in recorder.requests


def test_a_run_that_has_to_upload_by_itself_and_cannot_is_told(run: Run, recorder: Recorder) -> None:
    recorder.starts = [(200, recorder.allowed_by_itself())]
    code, output = run.step("deploy", BRANCHLINE_SECRET=SECRET)
    assert code == 1
    assert "not set in this repository: the secret CLOUDFLARE_API_TOKEN" in output


def test_a_run_that_does_not_go_live_names_its_own_address(run: Run, recorder: Recorder) -> None:
    recorder.end |= {"live": False}
    run.write_wrangler(GOOD_WRANGLER)
    code, output = run.step("deploy")
    assert code == 0
    assert "::notice title=Branchline::Built for preview, not live: http://preview-1.test" in output
    assert "preview shows another deployment" in run.summary.read_text()


def test_a_failing_build_is_reported_with_its_last_lines(run: Run, recorder: Recorder) -> None:
    run.write_package(build="node -e \"console.log('unexpected token'); process.exit(1)\"")
    assert run.step("build")[0] == 1
    assert run.step("report", JOB_STATUS="failure")[0] == 0
    (finish,) = recorder.ends_told
    assert (finish["deployment"], finish["conclusion"]) == (None, "failure")
    assert finish["error"]["phase"] == "build"
    assert finish["error"]["message"].endswith("unexpected token")


def test_a_failing_wrangler_is_reported_without_the_token(run: Run, recorder: Recorder) -> None:
    run.write_wrangler(BAD_WRANGLER)
    assert run.step("deploy")[0] == 1
    run.step("report", JOB_STATUS="failure")
    (finish,) = recorder.ends_told
    assert finish["error"] == {"phase": "deploy", "message": "No such module, token was ***"}
    assert finish["deployment"] == "dpl_1"


def test_no_piece_of_the_token_is_reported_where_the_output_is_cut(run: Run, recorder: Recorder) -> None:
    run.write_wrangler(LONG_LINED_WRANGLER)
    assert run.step("deploy")[0] == 1
    run.step("report", JOB_STATUS="failure")
    message = recorder.ends_told[-1]["error"]["message"]
    assert GRANT[-10:] not in message
    assert message.endswith("x" * 1990)


def test_a_missing_wrangler_says_what_to_do(run: Run) -> None:
    assert "is it a dependency of the app?" in run.step("deploy")[1]


def test_a_superseded_run_ends_green_without_deploying(run: Run, recorder: Recorder) -> None:
    recorder.starts = [(200, {"deploy": False, "deployment": "dpl_1", "reason": "superseded by abc1234"})]
    code, output = run.step("deploy")
    assert (code, len(recorder.starts_asked), recorder.ends_told) == (0, 1, [])
    assert "::notice title=Branchline::Not deployed: superseded by abc1234." in output


def test_a_busy_app_is_waited_for(run: Run, recorder: Recorder) -> None:
    run.write_wrangler(GOOD_WRANGLER)
    recorder.starts = [
        (409, {"error": {"code": "deployment:busy", "message": "wait"}}),
        (200, recorder.allowed()),
    ]
    code, output = run.step("deploy")
    assert (code, len(recorder.starts_asked), len(recorder.ends_told)) == (0, 2, 1)
    assert "waiting for it" in output


def test_a_job_that_cannot_prove_who_it_is_is_told_what_it_lacks(run: Run) -> None:
    code, output = run.step("deploy", **dict.fromkeys(PROOFS, ""))
    assert code == 1
    assert "it needs `permissions: id-token: write`" in output


def test_a_refusal_is_told_as_it_is(run: Run, recorder: Recorder) -> None:
    refusal = {"code": "oidc:wrong-environment", "message": "leave `environment` of deploy.yml"}
    recorder.starts = [(401, {"error": refusal})]
    code, output = run.step("deploy")
    assert (code, len(recorder.starts_asked)) == (1, 1)
    assert "HTTP 401: oidc:wrong-environment: leave `environment` of deploy.yml" in output


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_deploy_ends_wrangler_and_says_so(
    run: Run, recorder: Recorder, sent: signal.Signals
) -> None:
    run.write_wrangler(ENDLESS_WRANGLER)
    process = run.start("deploy")
    wait_until((run.app / "pid").exists)
    wait_until(lambda: (run.app / "pid").read_text() != "")
    process.send_signal(sent)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not psutil.pid_exists(int((run.app / "pid").read_text()))
    run.step("report", JOB_STATUS="cancelled")
    finish = recorder.ends_told[-1]
    assert (finish["deployment"], finish["conclusion"], finish["error"]) == ("dpl_1", "cancelled", None)


def test_what_was_live_before_the_cancellation_is_reported_as_success(run: Run, recorder: Recorder) -> None:
    run.write_wrangler(GOOD_WRANGLER)
    run.step("deploy")
    run.step("report", JOB_STATUS="cancelled")
    assert recorder.ends_told[-1]["conclusion"] == "success"
