// Deploys this app from a GitHub Actions run, one phase per call:
//
//     node .github/branchline/deploy.mjs install | build | deploy | report
//
// `install` and `build` run the app's own npm commands and measure them. `deploy` asks Branchline where to deploy,
// runs the app's wrangler with what the answer says, and reports success. `report` runs only when another step
// failed or the run was cancelled, and reports that. For the pull request of a fork, `deploy` only keeps what
// wrangler would upload (`record.mjs`), for the time when somebody with write access wants to see it.
//
// It decides nothing: which environment, which script name and whether at all is Branchline's answer. Who it is,
// it proves with each message: by a token that GitHub makes for this run, or with the repository's own secret. It
// needs no package, keeps no credential beyond the one call, and prints none.

import { execFileSync, spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { appendFileSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { record, TARGET } from "./record.mjs";

const REQUEST_TIMEOUT_MS = 15_000;
const MAX_TRIES = 5;
const MAX_BUSY_SECONDS = 600;
const MAX_RETRY_AFTER_SECONDS = 60;
const MAX_ERROR_CHARACTERS = 2_000;
const GRACE_MS = 5_000;
const WRANGLER = "node_modules/.bin/wrangler";
// Beside the app, not in it: an app may upload its whole folder.
const RECORDING = "branchline-upload";
// How this run proves who it is; the app's own commands have no use for it.
const PROOFS = ["BRANCHLINE_SECRET", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
const CREDENTIALS = [...PROOFS, "CLOUDFLARE_API_TOKEN"];

// --- Failures ---------------------------------------------------------------------------------------------------

/** A phase went wrong; `message` is what the developer sees on the pull request. */
export class PhaseFailed extends Error {}

/** The run was cancelled: not a failure of the app. */
export class Cancelled extends Error {}

// --- Text -------------------------------------------------------------------------------------------------------

/** The end of `output` in whole lines, without colours, at most `limit` characters. */
export function lastLines(output, limit = MAX_ERROR_CHARACTERS) {
  const text = output.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "").trim();
  if (text.length <= limit) return text;
  const end = text.slice(-limit);
  const firstBreak = end.indexOf("\n");
  return firstBreak === -1 ? end : end.slice(firstBreak + 1);
}

/** `text` with each of `secrets` blotted out. */
export function redact(text, secrets) {
  return secrets.filter(Boolean).reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}

/** One workflow command, such as `::notice title=Branchline::text`, its text escaped as the runner expects. */
export function command(name, text, title) {
  const escaped = text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  return `::${name}${title ? ` title=${title}` : ""}::${escaped}`;
}

function say(name, text) {
  console.log(command(name, text, name === "add-mask" ? undefined : "Branchline"));
}

// --- What this run is about -------------------------------------------------------------------------------------

/** What every message says about the run: taken from the runner's variables and the event that started it. */
export function describeRun(env, event, subject) {
  const pull = event.pull_request;
  return {
    repository: { id: event.repository.id, fullName: env.GITHUB_REPOSITORY },
    event: env.GITHUB_EVENT_NAME,
    ref: env.GITHUB_REF,
    branch: pull?.head.ref ?? env.GITHUB_REF_NAME,
    commit: pull?.head.sha ?? env.GITHUB_SHA,
    message: subject,
    pullRequest: pull?.number ?? null,
    run: {
      id: Number(env.GITHUB_RUN_ID),
      number: Number(env.GITHUB_RUN_NUMBER),
      attempt: Number(env.GITHUB_RUN_ATTEMPT ?? 1),
      url: `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}`,
    },
  };
}

/** The first line of the message of the commit that was checked out, or null when git does not tell. */
function commitSubject() {
  try {
    const options = { encoding: "utf8", timeout: 10_000, stdio: ["ignore", "pipe", "ignore"] };
    return execFileSync("git", ["log", "-1", "--format=%s"], options).trim().slice(0, 500) || null;
  } catch {
    return null;
  }
}

/** Whether this is the pull request of somebody else's repository. */
export function isFromFork(env, event) {
  return Boolean(event.pull_request) && event.pull_request.head.repo?.full_name !== env.GITHUB_REPOSITORY;
}

/** Why this run is not meant to deploy, or null. GitHub gives such runs nothing to prove who they are with. */
export function reasonNotToDeploy(env, event) {
  if (isFromFork(env, event)) {
    const from = event.pull_request.head.repo?.full_name ?? "deleted";
    return `this pull request comes from a fork (${from}), which cannot prove to be this repository`;
  }
  if (env.GITHUB_ACTOR === "dependabot[bot]" && !PROOFS.some((name) => env[name])) {
    return "Dependabot started this run, which GitHub lets prove nothing";
  }
  return null;
}

/** Where Branchline is, and how this run proves who it is: with the repository's secret where there is one. */
export function readCredentials(env) {
  if (!env.BRANCHLINE_URL) throw new PhaseFailed("not set in this repository: the variable BRANCHLINE_URL");
  const url = env.BRANCHLINE_URL.replace(/\/+$/, "");
  if (env.BRANCHLINE_SECRET) return { url, prove: async (body) => signNow(env.BRANCHLINE_SECRET, body) };
  if (env.ACTIONS_ID_TOKEN_REQUEST_URL) return { url, prove: (_, network) => askForToken(env, url, network) };
  throw new PhaseFailed("GitHub makes no token for this job: it needs `permissions: id-token: write`");
}

// --- What one step leaves for the next --------------------------------------------------------------------------

function progressFile(env) {
  const name = `branchline-${env.GITHUB_REPOSITORY_ID ?? "0"}-${env.GITHUB_RUN_ID}-${env.GITHUB_RUN_ATTEMPT ?? 1}.json`;
  return join(env.RUNNER_TEMP, name);
}

function readProgress(env) {
  try {
    return JSON.parse(readFileSync(progressFile(env), "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return { phases: {}, deployment: null, error: null, isUp: false };
  }
}

function writeProgress(env, changes) {
  const progress = { ...readProgress(env), ...changes };
  writeFileSync(progressFile(env), JSON.stringify(progress), { mode: 0o600 });
}

// --- Talking to Branchline --------------------------------------------------------------------------------------

/** The headers that prove where `body` comes from. https://www.standardwebhooks.com */
export function sign(secret, id, timestamp, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": `v1,${signature}` };
}

function signNow(secret, body) {
  return sign(secret, `msg_${randomUUID()}`, Math.floor(Date.now() / 1000), body);
}

/** A header with GitHub's word for who this run is, said to `audience` and good for one message. */
async function askForToken(env, audience, network) {
  // https://docs.github.com/en/actions/reference/security/oidc
  const url = new URL(env.ACTIONS_ID_TOKEN_REQUEST_URL);
  url.searchParams.set("audience", audience);
  const headers = { authorization: `Bearer ${env.ACTIONS_ID_TOKEN_REQUEST_TOKEN}`, accept: "application/json" };
  const response = await fetchWithRetries(url.href, () => ({ headers }), network);
  if (!response.body?.value) throw new PhaseFailed(`GitHub made no token for this run: ${refusal(response)}`);
  say("add-mask", response.body.value);
  return { authorization: `Bearer ${response.body.value}` };
}

/** Seconds to wait before try number `attempt` + 1, or what the server asked for, within bounds. */
export function backoffSeconds(attempt, retryAfter = null, random = Math.random) {
  const asked = Number(retryAfter);
  if (retryAfter !== null && asked >= 0) return Math.min(asked, MAX_RETRY_AFTER_SECONDS);
  return 2 ** (attempt - 1) * (0.75 + random() / 2);
}

/**
 * Fetch until there is an answer that another try would not change: at most five tries, 15 s each.
 *
 * `request()` makes the options anew for every try, so that each one has a proof of its own.
 */
export async function fetchWithRetries(url, request, { fetch = globalThis.fetch, wait = waitSeconds } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetchOnce(url, await request(), fetch);
    const isPassing = response.status === 0 || response.status === 429 || response.status >= 500;
    if (!isPassing || attempt === MAX_TRIES) return response;
    await wait(backoffSeconds(attempt, response.retryAfter));
  }
}

/** One try. A network error or a timeout comes back as status 0 with its reason, not as an exception. */
async function fetchOnce(url, options, fetch) {
  try {
    const response = await fetch(url, { ...options, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    const body = parseJson(await response.text());
    return { status: response.status, body, retryAfter: response.headers.get("retry-after") };
  } catch (error) {
    return { status: 0, body: null, retryAfter: null, reason: error.cause?.message ?? error.message };
  }
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function waitSeconds(seconds) {
  return sleep(seconds * 1000);
}

/** What an answer that is not a success says, in a sentence. */
export function refusal(response) {
  if (response.status === 0) return `no answer: ${response.reason}`;
  const { code, message } = response.body?.error ?? response.body?.errors?.[0] ?? {};
  return [`HTTP ${response.status}`, code, message].filter(Boolean).join(": ");
}

/** Send one message with a proof of its own and return the answer, whatever it is. */
function postMessage({ url, prove }, path, message, network) {
  const body = JSON.stringify(message);
  const request = async () => ({
    method: "POST",
    headers: { "content-type": "application/json", ...(await prove(body, network)) },
    body,
  });
  return fetchWithRetries(`${url}${path}`, request, network);
}

/** Ask where to deploy. While another deployment to there is under way, wait and ask again, up to ten minutes. */
export async function start(credentials, run, phases, network = {}) {
  const wait = network.wait ?? waitSeconds;
  for (let waited = 0; ; ) {
    const response = await postMessage(credentials, "/api/deployments", { ...run, phases }, network);
    if (response.status === 200) return response.body;
    const isBusy = response.status === 409 && response.body?.error?.code === "deployment:busy";
    if (!isBusy || waited >= MAX_BUSY_SECONDS) {
      throw new PhaseFailed(`Branchline did not start the deployment: ${refusal(response)}`);
    }
    const seconds = Math.max(1, backoffSeconds(1, response.retryAfter ?? 5));
    if (waited === 0) say("notice", "Another deployment of this app is under way: waiting for it.");
    waited += seconds;
    await wait(seconds);
  }
}

/** Say how it ended. */
export async function finish(credentials, run, outcome, network) {
  const response = await postMessage(credentials, "/webhooks/deployments", { ...run, ...outcome }, network);
  if (response.status === 200) return response.body;
  throw new PhaseFailed(`Branchline did not take the report: ${refusal(response)}`);
}

// --- Running commands -------------------------------------------------------------------------------------------

/** Stop `child` and everything it started: politely, and after five seconds for good. */
function stop(child) {
  const signalGroup = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  };
  signalGroup("SIGTERM");
  setTimeout(signalGroup, GRACE_MS, "SIGKILL").unref();
}

/** Run `program`, its output shown as it comes, and return [exit code, end of output]; ends with this process. */
function run(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    let isCancelled = false;
    const cancel = () => {
      isCancelled = true;
      stop(child);
    };
    for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
      from.setEncoding("utf8").on("data", (data) => {
        to.write(data);
        output = (output + data).slice(-4 * MAX_ERROR_CHARACTERS);
      });
    }
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, cancel);
    child.on("error", reject);
    child.on("close", (code) => {
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, cancel);
      return isCancelled ? reject(new Cancelled()) : resolve([code, output]);
    });
  });
}

/** `env` without what only this script has a use for. */
export function withoutCredentials(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !CREDENTIALS.includes(name)));
}

/** Run one phase's command, keep its seconds, and fail with its last lines when it fails. */
async function runPhase(env, phase, program, args, { childEnv = withoutCredentials(env), secrets = [] } = {}) {
  const startedAt = performance.now();
  try {
    const [code, output] = await run(program, args, childEnv);
    if (code !== 0) throw new PhaseFailed(lastLines(redact(output, secrets)) || `exit code ${code}`);
  } catch (error) {
    if (error.code === "ENOENT") throw new PhaseFailed(`${program} is not there: is it a dependency of the app?`);
    throw error;
  } finally {
    const seconds = Math.round((performance.now() - startedAt) / 10) / 100;
    writeProgress(env, { phases: { ...readProgress(env).phases, [phase]: seconds } });
  }
}

// --- Deploying --------------------------------------------------------------------------------------------------

/** The arguments of wrangler for what Branchline answered; there are `variables` when the run uploads by itself. */
export function wranglerArguments({ namespace, script, variables = {} }) {
  const vars = Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  return ["deploy", "--dispatch-namespace", namespace, "--name", script, ...vars];
}

/** What wrangler may know: the way to upload this one deployment, and not how this run proves who it is. */
export function wranglerEnvironment(env, cloudflare, apiToken) {
  return {
    ...withoutCredentials(env),
    CI: "true",
    CLOUDFLARE_API_BASE_URL: cloudflare.apiBaseUrl,
    CLOUDFLARE_ACCOUNT_ID: cloudflare.accountId,
    CLOUDFLARE_API_TOKEN: apiToken,
    WRANGLER_SEND_METRICS: "false",
  };
}

/** Put the script's tags: wrangler has no option for them. */
export async function putTags({ cloudflare, namespace, script, tags }, apiToken, network) {
  const path = `accounts/${cloudflare.accountId}/workers/dispatch/namespaces/${namespace}/scripts/${script}/tags`;
  const request = () => ({
    method: "PUT",
    headers: { authorization: `Bearer ${apiToken}`, "content-type": "application/json" },
    body: JSON.stringify(tags),
  });
  const response = await fetchWithRetries(`${cloudflare.apiBaseUrl}/${path}`, request, network);
  if (response.status !== 200) throw new PhaseFailed(`Cloudflare did not tag ${script}: ${refusal(response)}`);
}

/** What to tell of a run that deployed: a title, the address to look at, and what else there is to know. */
export function outcomeOf(environment, { live, url, alternateUrl, immutableUrl }) {
  if (!live) {
    const why = `${environment} shows another deployment: it is pinned to that one, or that one is newer.`;
    return [`Built for ${environment}, not live`, immutableUrl ?? url, [why]];
  }
  const forGood = immutableUrl ? [`This commit, for good: ${immutableUrl}`] : [];
  return [`Deployed to ${environment}`, url, [...forGood, `Also at ${alternateUrl}`]];
}

function summarize(env, { environment, script }, ended) {
  const [title, address, more] = outcomeOf(environment, ended);
  const text = [`### ${title}`, address, ...more, `Script \`${script}\``].join("\n\n");
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, `${text}\n`);
  say("notice", `${title}: ${address}`);
}

/** Let wrangler upload: with the grant of the answer to Branchline, else with the repository's token to Cloudflare. */
async function upload(env, answer) {
  const { cloudflare } = answer;
  const apiToken = cloudflare.apiToken ?? env.CLOUDFLARE_API_TOKEN;
  if (!apiToken) throw new PhaseFailed("not set in this repository: the secret CLOUDFLARE_API_TOKEN");
  say("add-mask", apiToken);
  const childEnv = wranglerEnvironment(env, cloudflare, apiToken);
  const secrets = [apiToken, env.BRANCHLINE_SECRET];
  await runPhase(env, "deploy", WRANGLER, wranglerArguments(answer), { childEnv, secrets });
  if (!cloudflare.apiToken) await putTags(answer, apiToken);
  writeProgress(env, { isUp: true });
}

/** Keep what wrangler would upload; the workflow makes it an artifact of this run. */
async function keepForApproval(env) {
  const kept = await record(join(env.RUNNER_TEMP, RECORDING), (cloudflare) => {
    const childEnv = wranglerEnvironment(env, cloudflare, cloudflare.apiToken);
    return runPhase(env, "deploy", WRANGLER, wranglerArguments(TARGET), { childEnv });
  });
  if (!kept) throw new PhaseFailed("wrangler ended without uploading a script");
  say("notice", `Kept ${kept.files} files, ${kept.bytes} bytes: whoever may write can have them shown with /preview.`);
}

async function deploy(env, event) {
  const reason = reasonNotToDeploy(env, event);
  if (isFromFork(env, event)) await keepForApproval(env);
  if (reason) return say("notice", `Built, not deployed: ${reason}.`);
  const credentials = readCredentials(env);
  const about = describeRun(env, event, commitSubject());
  const answer = await start(credentials, about, readProgress(env).phases);
  if (!answer.deploy) return say("notice", `Not deployed: ${answer.reason}.`);
  writeProgress(env, { deployment: answer.deployment });
  await upload(env, answer);
  const { phases } = readProgress(env);
  const outcome = { phases, deployment: answer.deployment, conclusion: "success", error: null };
  return summarize(env, answer, await finish(credentials, about, outcome));
}

/** Report a failed or cancelled run; what was already up when that happened is reported as the success it is. */
async function report(env, event) {
  if (reasonNotToDeploy(env, event)) return;
  const { phases, deployment, error, isUp } = readProgress(env);
  const conclusion = isUp ? "success" : env.JOB_STATUS === "cancelled" ? "cancelled" : "failure";
  const outcome = { phases, deployment, conclusion, error: conclusion === "failure" ? error : null };
  await finish(readCredentials(env), describeRun(env, event, commitSubject()), outcome);
}

const ACTIONS = {
  install: (env) => runPhase(env, "install", "npm", ["ci", "--no-audit", "--no-fund", "--prefer-offline"]),
  build: (env) => runPhase(env, "build", "npm", ["run", "build"]),
  deploy,
  report,
};

/** Do `name`. A failure is kept for the report and shown as an error; a cancellation ends as the signal would. */
async function main(env, name) {
  const event = JSON.parse(readFileSync(env.GITHUB_EVENT_PATH, "utf8"));
  try {
    await ACTIONS[name](env, event);
  } catch (error) {
    if (error instanceof Cancelled) process.exit(130);
    if (name !== "report") writeProgress(env, { error: { phase: name, message: lastLines(error.message) } });
    if (!(error instanceof PhaseFailed)) throw error;
    say("error", error.message);
    process.exitCode = 1;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main(process.env, process.argv[2]);
}
