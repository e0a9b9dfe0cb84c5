// The rules of actions_templates/deploy.mjs, without a process or a network; run by test_deploy_script.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as script from "../../actions_templates/deploy.mjs";

const vector = JSON.parse(readFileSync(new URL("../payloads/standard_webhooks.json", import.meta.url), "utf8"));
const credentials = { url: "https://branchline.test", secret: vector.secret };

/** A network that gives `answers` one after the other and records what was asked and how long was waited. */
function network(answers) {
  const requests = [];
  const waits = [];
  const fetch = async (url, options) => {
    requests.push({ url, ...options });
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    if (answer instanceof Error) throw answer;
    return new Response(JSON.stringify(answer.body ?? {}), { status: answer.status, headers: answer.headers });
  };
  return { requests, waits, fetch, wait: async (seconds) => void waits.push(seconds) };
}

const busy = { status: 409, body: { error: { code: "deployment:busy", message: "wait" } }, headers: { "retry-after": "20" } };
const started = { status: 200, body: { deploy: true, deployment: "dpl_1" } };

test("a message is signed as the Standard Webhooks vector is", () => {
  const headers = script.sign(vector.secret, vector.id, vector.timestamp, vector.body);
  assert.deepEqual(headers, {
    "webhook-id": vector.id,
    "webhook-timestamp": String(vector.timestamp),
    "webhook-signature": vector.signature,
  });
});

test("a passing failure is tried five times, each time signed anew", async () => {
  const net = network([new TypeError("refused"), { status: 429 }, { status: 500 }, { status: 503 }, started]);
  assert.equal((await script.start(credentials, {}, {}, net)).deployment, "dpl_1");
  assert.equal(net.requests.length, 5);
  assert.equal(new Set(net.requests.map((request) => request.headers["webhook-id"])).size, 5);
});

test("after five tries it gives up and says why", async () => {
  const net = network([{ status: 503, body: { error: { code: "remote:unavailable", message: "try later" } } }]);
  await assert.rejects(script.start(credentials, {}, {}, net), /HTTP 503: remote:unavailable: try later/);
  assert.equal(net.requests.length, 5);
});

test("a refusal is not tried again", async () => {
  const net = network([{ status: 401, body: { error: { code: "delivery:bad-signature", message: "wrong" } } }]);
  await assert.rejects(script.start(credentials, {}, {}, net), /HTTP 401: delivery:bad-signature: wrong/);
  assert.equal(net.requests.length, 1);
});

test("a busy app is waited for as long as the server says", async () => {
  const net = network([busy, busy, started]);
  assert.equal((await script.start(credentials, {}, {}, net)).deploy, true);
  assert.deepEqual(net.waits, [20, 20]);
});

test("a busy app is waited for ten minutes at most", async () => {
  const net = network([busy]);
  await assert.rejects(script.start(credentials, {}, {}, net), /deployment:busy/);
  assert.equal(net.waits.reduce((sum, seconds) => sum + seconds), 600);
});

test("a conflict that is not busy is a refusal", async () => {
  const net = network([{ status: 409, body: { error: { code: "deployment:closed", message: "gone" } } }]);
  await assert.rejects(script.start(credentials, {}, {}, net), /deployment:closed/);
  assert.equal(net.requests.length, 1);
});

test("waiting doubles, wanders a little and obeys Retry-After within a minute", () => {
  assert.deepEqual([1, 2, 3, 4].map((attempt) => script.backoffSeconds(attempt, null, () => 0.5)), [1, 2, 4, 8]);
  assert.equal(script.backoffSeconds(1, "7"), 7);
  assert.equal(script.backoffSeconds(1, "3600"), 60);
  assert.equal(script.backoffSeconds(1, "Wed, 21 Oct 2026 07:28:00 GMT", () => 0.5), 1);
});

test("the end of an output is whole lines without colours", () => {
  assert.equal(script.lastLines("\u001b[31mred\u001b[0m\n"), "red");
  assert.equal(script.lastLines("first line\nsecond\nthird", 15), "second\nthird");
  assert.equal(script.lastLines("x".repeat(5000)).length, 2000);
});

test("secrets are blotted out of what is reported", () => {
  assert.equal(script.redact("token abc and abc", ["abc", undefined]), "token *** and ***");
});

test("a workflow command cannot be broken out of", () => {
  assert.equal(script.command("error", "50%\n::set-env::x", "B"), "::error title=B::50%25%0A::set-env::x");
});

test("a pull request is described by its head, not by GitHub's trial merge", () => {
  const env = {
    GITHUB_REPOSITORY: "acme/hello", GITHUB_EVENT_NAME: "pull_request", GITHUB_REF: "refs/pull/7/merge",
    GITHUB_REF_NAME: "7/merge", GITHUB_SHA: "m".repeat(40), GITHUB_SERVER_URL: "https://github.test",
    GITHUB_RUN_ID: "1", GITHUB_RUN_NUMBER: "3", GITHUB_RUN_ATTEMPT: "2",
  };
  const pull = { number: 7, head: { ref: "blue", sha: "h".repeat(40) } };
  assert.deepEqual(script.describeRun(env, { repository: { id: 123 }, pull_request: pull }, "Make it blue"), {
    repository: { id: 123, fullName: "acme/hello" }, event: "pull_request", ref: "refs/pull/7/merge", branch: "blue",
    commit: "h".repeat(40), message: "Make it blue", pullRequest: 7,
    run: { id: 1, number: 3, attempt: 2, url: "https://github.test/acme/hello/actions/runs/1" },
  });
});

test("a pull request from a fork is not deployed, even if it were given the secret", () => {
  const event = { pull_request: { head: { repo: { full_name: "eve/hello" } } } };
  const env = { GITHUB_REPOSITORY: "acme/hello", BRANCHLINE_SECRET: vector.secret };
  assert.match(script.reasonNotToDeploy(env, event), /comes from a fork \(eve\/hello\)/);
});

test("a fork that was deleted meanwhile is still a fork", () => {
  const event = { pull_request: { head: { repo: null } } };
  assert.match(script.reasonNotToDeploy({ GITHUB_REPOSITORY: "acme/hello" }, event), /fork \(deleted\)/);
});

test("wrangler gets the answer's names and variables, and never Branchline's secret", () => {
  const answer = { namespace: "n", script: "staging-a", variables: { BRANCHLINE_COMMIT: "abc" } };
  assert.deepEqual(script.wranglerArguments(answer), [
    "deploy", "--dispatch-namespace", "n", "--name", "staging-a", "--var", "BRANCHLINE_COMMIT:abc",
  ]);
  const env = script.wranglerEnvironment({ PATH: "/bin", BRANCHLINE_SECRET: "s" }, { apiToken: "t" });
  assert.equal(env.CLOUDFLARE_API_TOKEN, "t");
  assert.ok(!("BRANCHLINE_SECRET" in env));
});

test("a missing setting is named", () => {
  assert.throws(() => script.readCredentials({ BRANCHLINE_URL: "https://b.test" }), /BRANCHLINE_SECRET/);
});

test("tags are put where the script is", async () => {
  const net = network([{ status: 200 }]);
  const cloudflare = { apiBaseUrl: "https://api.test/client/v4", accountId: "a", apiToken: "t" };
  await script.putTags({ cloudflare, namespace: "n", script: "s", tags: ["app-1"] }, net);
  const [{ url, method, headers, body }] = net.requests;
  assert.equal(url, "https://api.test/client/v4/accounts/a/workers/dispatch/namespaces/n/scripts/s/tags");
  assert.deepEqual([method, headers.authorization, body], ["PUT", "Bearer t", '["app-1"]']);
});
