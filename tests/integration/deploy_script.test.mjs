// The rules of actions_templates/deploy.mjs, without a process or a network; run by test_deploy_script.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as script from "../../actions_templates/deploy.mjs";

const vector = JSON.parse(readFileSync(new URL("../payloads/standard_webhooks.json", import.meta.url), "utf8"));
const BRANCHLINE_URL = "https://branchline.test";
const credentials = script.readCredentials({ BRANCHLINE_URL, BRANCHLINE_SECRET: vector.secret });
const withToken = script.readCredentials({
  BRANCHLINE_URL: `${BRANCHLINE_URL}/`,
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://run.actions.test/token?api-version=2.0",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner-token",
});

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

test("where to deploy is asked in one place, how it ended is told in another", async () => {
  const net = network([started]);
  await script.start(credentials, { ref: "refs/heads/main" }, { build: 1 }, net);
  await script.finish(credentials, { ref: "refs/heads/main" }, { conclusion: "success" }, net);
  assert.deepEqual(net.requests.map(({ url, body }) => [url, JSON.parse(body)]), [
    [`${BRANCHLINE_URL}/api/deployments`, { ref: "refs/heads/main", phases: { build: 1 } }],
    [`${BRANCHLINE_URL}/webhooks/deployments`, { ref: "refs/heads/main", conclusion: "success" }],
  ]);
});

test("without a secret, GitHub is asked for a token for each message and each try", async () => {
  const tokens = ["one", "two", "three"].map((value) => ({ status: 200, body: { count: 3, value } }));
  const net = network([tokens[0], { status: 503 }, tokens[1], busy, tokens[2], started]);
  assert.equal((await script.start(withToken, {}, {}, net)).deployment, "dpl_1");
  const sent = net.requests.map(({ url, headers }) => [new URL(url).host, headers.authorization]);
  assert.deepEqual(sent, [
    ["run.actions.test", "Bearer runner-token"], ["branchline.test", "Bearer one"],
    ["run.actions.test", "Bearer runner-token"], ["branchline.test", "Bearer two"],
    ["run.actions.test", "Bearer runner-token"], ["branchline.test", "Bearer three"],
  ]);
  assert.equal(net.requests[0].url, "https://run.actions.test/token?api-version=2.0&audience=https%3A%2F%2Fbranchline.test");
});

test("where there is a secret, no token is asked for", () => {
  const net = network([started]);
  const env = { BRANCHLINE_URL, BRANCHLINE_SECRET: vector.secret, ACTIONS_ID_TOKEN_REQUEST_URL: "https://run.test/" };
  return script.start(script.readCredentials(env), {}, {}, net).then(() => {
    assert.deepEqual(net.requests.map(({ url }) => url), [`${BRANCHLINE_URL}/api/deployments`]);
  });
});

test("GitHub's failures to make a token are tried again, and then told", async () => {
  const net = network([{ status: 500, body: { message: "unwell" } }]);
  await assert.rejects(script.start(withToken, {}, {}, net), /GitHub made no token for this run: HTTP 500/);
  assert.equal(net.requests.length, 5);
  const refused = network([{ status: 403 }]);
  await assert.rejects(script.start(withToken, {}, {}, refused), /GitHub made no token for this run: HTTP 403/);
  assert.equal(refused.requests.length, 1);
});

test("a job that may not ask for a token is told so", () => {
  assert.throws(() => script.readCredentials({ BRANCHLINE_URL }), /id-token: write/);
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

test("only a pull request of another repository is a fork's", () => {
  const env = { GITHUB_REPOSITORY: "acme/hello" };
  assert.equal(script.isFromFork(env, {}), false);
  assert.equal(script.isFromFork(env, { pull_request: { head: { repo: { full_name: "acme/hello" } } } }), false);
  assert.equal(script.isFromFork(env, { pull_request: { head: { repo: { full_name: "eve/hello" } } } }), true);
});

test("a fork that was deleted meanwhile is still a fork", () => {
  const event = { pull_request: { head: { repo: null } } };
  assert.equal(script.isFromFork({ GITHUB_REPOSITORY: "acme/hello" }, event), true);
  assert.match(script.reasonNotToDeploy({ GITHUB_REPOSITORY: "acme/hello" }, event), /fork \(deleted\)/);
});

test("Dependabot's runs are deployed where they can prove who they are", () => {
  const env = { GITHUB_ACTOR: "dependabot[bot]" };
  assert.match(script.reasonNotToDeploy(env, {}), /Dependabot/);
  assert.equal(script.reasonNotToDeploy({ ...env, BRANCHLINE_SECRET: "s" }, {}), null);
});

test("wrangler gets the answer's names, and variables only when it uploads by itself", () => {
  const answer = { namespace: "n", script: "staging-a" };
  const expected = ["deploy", "--dispatch-namespace", "n", "--name", "staging-a"];
  assert.deepEqual(script.wranglerArguments(answer), expected);
  const byItself = { ...answer, variables: { BRANCHLINE_COMMIT: "abc" } };
  assert.deepEqual(script.wranglerArguments(byItself), [...expected, "--var", "BRANCHLINE_COMMIT:abc"]);
});

test("the app's own commands see nothing that proves who the run is", () => {
  const proofs = {
    BRANCHLINE_SECRET: "s", CLOUDFLARE_API_TOKEN: "c",
    ACTIONS_ID_TOKEN_REQUEST_URL: "u", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "t",
  };
  assert.deepEqual(script.withoutCredentials({ PATH: "/bin", ...proofs }), { PATH: "/bin" });
  const env = script.wranglerEnvironment({ PATH: "/bin", ...proofs }, { apiBaseUrl: "b", accountId: "a" }, "grant");
  assert.deepEqual(env, {
    PATH: "/bin", CI: "true", WRANGLER_SEND_METRICS: "false",
    CLOUDFLARE_API_BASE_URL: "b", CLOUDFLARE_ACCOUNT_ID: "a", CLOUDFLARE_API_TOKEN: "grant",
  });
});

test("what is live is told with its address for good, where it has one", () => {
  const ended = { live: true, url: "https://app.test", alternateUrl: "https://test/app/a" };
  assert.deepEqual(script.outcomeOf("production", ended),
    ["Deployed to production", "https://app.test", ["Also at https://test/app/a"]]);
  const [, , more] = script.outcomeOf("production", { ...ended, immutableUrl: "https://production-1-a.test" });
  assert.equal(more[0], "This commit, for good: https://production-1-a.test");
});

test("what is not live is told with the address that shows it", () => {
  const ended = { live: false, url: "https://app.test", immutableUrl: "https://production-1-a.test" };
  const [title, address, [why]] = script.outcomeOf("production", ended);
  assert.deepEqual([title, address], ["Built for production, not live", "https://production-1-a.test"]);
  assert.match(why, /pinned/);
});

test("a missing setting is named", () => {
  assert.throws(() => script.readCredentials({ BRANCHLINE_SECRET: "s" }), /the variable BRANCHLINE_URL/);
});

test("tags are put where the script is", async () => {
  const net = network([{ status: 200 }]);
  const cloudflare = { apiBaseUrl: "https://api.test/client/v4", accountId: "a" };
  await script.putTags({ cloudflare, namespace: "n", script: "s", tags: ["app-1"] }, "t", net);
  const [{ url, method, headers, body }] = net.requests;
  assert.equal(url, "https://api.test/client/v4/accounts/a/workers/dispatch/namespaces/n/scripts/s/tags");
  assert.deepEqual([method, headers.authorization, body], ["PUT", "Bearer t", '["app-1"]']);
});
