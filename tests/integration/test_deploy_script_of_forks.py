"""What a fork's pull request would deploy is kept, in its own run, with nothing that opens anything.

The wranglers here are small and say exactly what a test is about; the real one is recorded in
`tests/contract/gateway/test_recording.py`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.workflow_run import (
    ENDLESS_WRANGLER,
    PROOFS,
    Recorder,
    Run,
    recorder,
    run,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["recorder", "run"]  # the fixtures

NOTHING = dict.fromkeys(PROOFS, "")
HEAD = {"ref": "evil", "sha": "e" * 40, "repo": {"full_name": "eve/hello"}}
# Uploads what the file upload.js says, and prints what it was answered.
WRANGLER = """#!/usr/bin/env node
const fs = require("fs");
const { CLOUDFLARE_API_BASE_URL: base, CLOUDFLARE_ACCOUNT_ID: account } = process.env;
const below = `${base}/accounts/${account}/workers`;
const script = `${below}/dispatch/namespaces/${process.argv[4]}/scripts/${process.argv[6]}`;
async function ask(method, url, body, headers = {}) {
  const response = await fetch(url, { method, body, headers });
  const answer = { status: response.status, ...(await response.json()) };
  console.log("ASKED " + JSON.stringify(answer));
  return answer;
}
async function bucket(names, files) {
  const form = new FormData();
  for (const name of names) {
    const [type, content] = files[name];
    form.append(name, new File([Buffer.from(content).toString("base64")], name, { type }));
  }
  return ask("POST", `${below}/assets/upload?base64=true`, form);
}
async function put(metadata, modules = {}) {
  const form = new FormData();
  form.set("metadata", JSON.stringify(metadata));
  for (const [name, [type, content]] of Object.entries(modules)) {
    form.set(name, new File([content], name, { type }));
  }
  return ask("PUT", script, form);
}
fs.writeFileSync("wrangler.json", JSON.stringify({ args: process.argv.slice(2), env: process.env }));
eval(`(async () => { ${fs.readFileSync("upload.js", "utf8")} })()`);
"""
JAVASCRIPT = "application/javascript+module"
PUT = f"await put({{ main_module: 'a.js' }}, {{ 'a.js': ['{JAVASCRIPT}', 'code'] }});"


@pytest.fixture
def fork(run: Run) -> Run:
    """The run of a fork's pull request: GitHub gives it nothing."""
    run.event["pull_request"] = {"number": 7, "head": HEAD}
    run.write_wrangler(WRANGLER)
    run.env |= NOTHING
    return run


def upload(fork: Run, source: str) -> tuple[int, str]:
    (fork.app / "upload.js").write_text(source)
    return fork.step("deploy")


def answers(output: str) -> list[dict[str, Any]]:
    return [
        json.loads(line.removeprefix("ASKED ")) for line in output.splitlines() if line.startswith("ASKED ")
    ]


def kept(fork: Run) -> Path:
    return Path(fork.env["RUNNER_TEMP"]) / "branchline-upload"


def described(fork: Run) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((kept(fork) / "upload.json").read_text())
    return told


def files(fork: Run) -> Mapping[str, bytes]:
    found = (path for path in kept(fork).rglob("*") if path.is_file())
    return {str(path.relative_to(kept(fork))): path.read_bytes() for path in found}


def test_code_is_kept_and_nobody_is_asked(fork: Run, recorder: Recorder) -> None:
    code, output = upload(fork, PUT)
    assert (code, recorder.requests) == (0, []), output
    assert "::notice title=Branchline::Built, not deployed: this pull request comes from a fork" in output
    assert described(fork) == {
        "version": 1,
        "metadata": {"main_module": "a.js"},
        "modules": [{"name": "a.js", "contentType": JAVASCRIPT, "file": "modules/0"}],
        "assets": None,
    }
    assert files(fork).keys() == {"upload.json", "modules/0"}
    assert files(fork)["modules/0"] == b"code"
    assert fork.step("report", JOB_STATUS="failure")[0] == 0
    assert recorder.requests == []


def test_assets_are_kept_once_and_without_a_token(fork: Run) -> None:
    code, output = upload(
        fork,
        """
        const manifest = { "/a.css": { hash: "a", size: 3 }, "/b.css": { hash: "a", size: 3 }, "/c": { hash: "c", size: 2 } };
        const body = JSON.stringify({ manifest });
        const { result } = await ask("POST", `${script}/assets-upload-session`, body);
        const files = { a: ["text/css; charset=utf-8", "a{}"], c: ["application/null", Buffer.from([0, 255])] };
        const { result: { jwt } } = await bucket(result.buckets.flat(), files);
        await put({ assets: { jwt, config: { html_handling: "none" } } });
        """,  # noqa: E501 - one line of JavaScript
    )
    assert code == 0, output
    told = described(fork)
    assert told["metadata"] == {"assets": {"config": {"html_handling": "none"}}}
    css = {"hash": "a", "contentType": "text/css; charset=utf-8", "file": "assets/0", "size": 3}
    plain = {"hash": "c", "contentType": None, "file": "assets/1", "size": 2}
    assert told["assets"] == [{"path": "/a.css", **css}, {"path": "/b.css", **css}, {"path": "/c", **plain}]
    assert (files(fork)["assets/0"], files(fork)["assets/1"]) == (b"a{}", b"\x00\xff")
    assert [it["status"] for it in answers(output)] == [200, 201, 200]


def test_files_come_in_buckets_and_the_last_one_closes_the_upload(fork: Run) -> None:
    _, output = upload(
        fork,
        """
        const names = [...Array(1100).keys()].map((number) => `h${number}`);
        const manifest = Object.fromEntries(names.map((hash) => [`/${hash}`, { hash, size: 1 }]));
        const { result } = await ask("POST", `${script}/assets-upload-session`, JSON.stringify({ manifest }));
        const files = Object.fromEntries(names.map((name) => [name, ["text/plain", "x"]]));
        for (const group of result.buckets) await bucket(group, files);
        """,
    )
    session, *uploads = answers(output)
    assert [len(bucket) for bucket in session["result"]["buckets"]] == [500, 500, 100]
    assert [it["status"] for it in uploads] == [202, 202, 201]


def test_a_repeated_upload_replaces_the_first(fork: Run) -> None:
    again = f"await put({{ main_module: 'b.js' }}, {{ 'b.js': ['{JAVASCRIPT}', 'more code'] }});"
    assert upload(fork, PUT + again)[0] == 0
    assert [it["name"] for it in described(fork)["modules"]] == ["b.js"]
    assert files(fork)["modules/0"] == b"more code"


def test_a_repeated_run_leaves_nothing_of_the_first(fork: Run) -> None:
    upload(fork, PUT)
    (kept(fork) / "assets" / "7").write_text("old")
    upload(fork, PUT)
    assert files(fork).keys() == {"upload.json", "modules/0"}


def test_wrangler_is_given_nothing_but_the_recorder(fork: Run, recorder: Recorder) -> None:
    upload(fork, PUT)
    called = json.loads((fork.app / "wrangler.json").read_text())
    assert called["args"] == ["deploy", "--dispatch-namespace", "fork", "--name", "fork"]
    assert called["env"]["CLOUDFLARE_API_BASE_URL"].startswith("http://127.0.0.1:")
    assert recorder.url not in called["env"]["CLOUDFLARE_API_BASE_URL"]
    assert not PROOFS & called["env"].keys()


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ("GET', `${below}/scripts/fork/secrets`", 404, 10007),
        ("GET', `${below}/scripts/fork/settings`", 404, 10007),
        ("GET', `${base}/user/tokens/verify`", 404, 7003),
        ("DELETE', script", 404, 7003),
        ("PUT', `${below}/dispatch/namespaces/fork/scripts/other`", 404, 7003),
    ],
)
def test_what_is_no_part_of_a_deployment_is_refused(fork: Run, request_: str, status: int, code: int) -> None:
    asked, *_ = answers(upload(fork, f"await ask('{request_}); {PUT}")[1])
    assert (asked["status"], asked["errors"][0]["code"], asked["success"]) == (status, code, False)


def test_that_there_is_a_script_is_said_as_the_gateway_does(fork: Run) -> None:
    asked, *_ = answers(upload(fork, f"await ask('GET', script); {PUT}")[1])
    assert (asked["status"], asked["result"]) == (200, {"script": {"id": "fork"}})


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("", "wrangler ended without uploading a script"),
        ("process.exit(3);", "exit code 3"),
        ("await ask('PUT', script, 'no form'); process.exit(1);", "ASKED"),
        ("await ask('POST', `${script}/assets-upload-session`, '{'); process.exit(1);", "ASKED"),
    ],
)
def test_what_was_not_uploaded_fails_the_run(fork: Run, source: str, problem: str) -> None:
    code, output = upload(fork, source)
    assert code == 1
    assert problem in output
    assert not (kept(fork) / "upload.json").exists()


@pytest.mark.parametrize(
    "manifest",
    [
        "{ '/big': { hash: 'a', size: 105_000_000 } }",
        "Object.fromEntries([...Array(20_001).keys()].map((it) => [`/${it}`, { hash: `${it}`, size: 1 }]))",
    ],
)
def test_more_than_is_ever_shown_is_refused_when_it_is_announced(fork: Run, manifest: str) -> None:
    code, output = upload(
        fork,
        f"""
        const body = JSON.stringify({{ manifest: {manifest} }});
        const answer = await ask("POST", `${{script}}/assets-upload-session`, body);
        process.exit(answer.success ? 0 : 1);
        """,
    )
    assert (code, answers(output)[0]["status"]) == (1, 413)
    assert "a fork's upload may have at most" in answers(output)[0]["errors"][0]["message"]


def test_a_body_that_is_too_large_is_answered(fork: Run) -> None:
    code, output = upload(fork, "await ask('PUT', script, Buffer.alloc(105_000_000)); process.exit(1);")
    assert (code, answers(output)[0]["status"]) == (1, 413)


def test_a_fork_that_was_deleted_meanwhile_is_recorded_too(fork: Run) -> None:
    fork.event["pull_request"]["head"] = HEAD | {"repo": None}
    assert upload(fork, PUT)[0] == 0
    assert (kept(fork) / "upload.json").exists()


def test_a_missing_wrangler_says_what_to_do(fork: Run) -> None:
    shutil.rmtree(fork.app / "node_modules")
    assert "is it a dependency of the app?" in fork.step("deploy")[1]


def test_a_cancelled_recording_ends(fork: Run) -> None:
    fork.write_wrangler(ENDLESS_WRANGLER)
    process = fork.start("deploy")
    wait_until((fork.app / "pid").exists)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_branch_of_the_repository_itself_is_not_recorded(run: Run) -> None:
    head = HEAD | {"repo": {"full_name": "acme/hello"}}
    run.event["pull_request"] = {"number": 7, "head": head}
    run.write_wrangler(WRANGLER)
    (run.app / "upload.js").write_text("")
    assert run.step("deploy")[0] == 0
    assert not kept(run).exists()
