// What the author of one app may try from inside a workflow run of their own, with all that the run is given.
//
// Prints one line of JSON per attempt: what was tried, and how it was answered. It judges nothing.

import { readFileSync } from "node:fs";

const env = process.env;
const { victim, cloudflare, namespaces, accountId } = JSON.parse(readFileSync("attack.json", "utf8"));
const event = JSON.parse(readFileSync(env.GITHUB_EVENT_PATH, "utf8"));
const url = env.BRANCHLINE_URL;

function say(attempt, status, body) {
  console.log(`ATTEMPT ${JSON.stringify({ attempt, status, body: body.slice(0, 4000) })}`);
}

async function ask(attempt, address, options = {}) {
  const response = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(15_000), ...options });
  const body = await response.text();
  say(attempt, response.status, body);
  return { status: response.status, body };
}

async function identity(audience = url) {
  const address = `${env.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=${encodeURIComponent(audience)}`;
  const headers = { authorization: `bearer ${env.ACTIONS_ID_TOKEN_REQUEST_TOKEN}` };
  return (await (await fetch(address, { headers })).json()).value;
}

function about(changes = {}) {
  const run = { id: Number(env.GITHUB_RUN_ID), number: Number(env.GITHUB_RUN_NUMBER), attempt: 1 };
  return {
    repository: { id: event.repository.id, fullName: env.GITHUB_REPOSITORY },
    event: "push",
    ref: env.GITHUB_REF,
    branch: env.GITHUB_REF_NAME,
    commit: env.GITHUB_SHA,
    message: "An attempt",
    pullRequest: null,
    run: { ...run, url: `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}` },
    phases: {},
    ...changes,
  };
}

function plan(attempt, token, changes) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return ask(attempt, `${url}/api/deployments`, { method: "POST", headers, body: JSON.stringify(about(changes)) });
}

function script(namespace, name, tail = "") {
  return `${url}/cloudflare/client/v4/accounts/${accountId}/workers/dispatch/namespaces/${namespace}/scripts/${name}${tail}`;
}

function form(metadata = {}) {
  const body = new FormData();
  const told = { main_module: "index.js", compatibility_date: "2026-01-01", ...metadata };
  body.set("metadata", new Blob([JSON.stringify(told)], { type: "application/json" }));
  const code = "export default { fetch: () => new Response('taken over') };";
  body.set("index.js", new Blob([code], { type: "application/javascript+module" }), "index.js");
  return body;
}

if (process.argv[2] === "plan") {
  await plan(process.argv[3], await identity());
  process.exit();
}

const lie = { ref: "refs/heads/main", branch: "main" };
const used = await identity();
const granted = await plan("plan: the body claims main", used, lie);
await plan("plan: a token used twice", used);
await plan("plan: a token for somebody else", await identity("sts.amazonaws.com"));
await plan("plan: the body claims the victim's repository", await identity(), {
  repository: { id: victim.repositoryId, fullName: victim.repository },
});

const mine = JSON.parse(granted.body);
const grant = mine.cloudflare.apiToken;
const headers = { authorization: `Bearer ${grant}` };
const production = mine.script.replace(/^preview-/, "");
const put = (attempt, address, metadata) => ask(attempt, address, { method: "PUT", headers, body: form(metadata) });

await put("grant: my own production", script(namespaces.production, production));
await put("grant: my production's name in my namespace", script(mine.namespace, production));
await put("grant: my script in the namespace of production", script(namespaces.production, mine.script));
await put("grant: the victim's production", script(namespaces.production, victim.slug));
await put("grant: the victim's preview", script(namespaces.preview, `preview-${victim.slug}`));
await put("grant: the victim by a path that climbs", script(mine.namespace, `${mine.script}%2f..%2f${victim.slug}`));
await put("grant: another account", script(mine.namespace, mine.script).replace(accountId, "f".repeat(32)));
for (const [method, tail] of [["DELETE", ""], ["GET", "/content"], ["GET", "/secrets"], ["PUT", "/secrets"], ["PATCH", "/settings"]]) {
  const body = method === "GET" ? undefined : "{}";
  await ask(`grant: ${method} the victim's script${tail}`, script(namespaces.production, victim.slug, tail), { method, headers, body });
}
await ask("grant: list scripts", script(namespaces.production, "").replace(/\/$/, ""), { headers });
await ask("grant: delete by the victim's tag", `${script(namespaces.production, "").replace(/\/$/, "")}?tags=app-${victim.slug}:yes`, { method: "DELETE", headers });

const own = script(mine.namespace, mine.script);
const binding = (value) => ({ bindings: [{ name: "TAKEN", ...value }] });
await put("metadata: a service of the victim's", own, binding({ type: "service", service: victim.slug }));
await put("metadata: the namespace of production", own, binding({ type: "dispatch_namespace", namespace: namespaces.production }));
await put("metadata: a bucket of the account", own, binding({ type: "r2_bucket", bucket_name: "anything" }));
await put("metadata: the victim's tag", own, { tags: [`app-${victim.slug}`] });
await put("metadata: no limits", own, { limits: { cpu_ms: 300000 } });
await put("metadata: a tail consumer", own, { tail_consumers: [{ service: victim.slug }] });

await ask("grant: straight to Cloudflare", `${cloudflare}/accounts/${accountId}/workers/dispatch/namespaces/${namespaces.production}/scripts/${victim.slug}`, { headers });
for (const [name, token] of [["grant", grant], ["token", await identity()]]) {
  const bearer = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  await ask(`${name}: the API's list of apps`, `${url}/api/apps`, { headers: bearer });
  await ask(`${name}: roll the victim back`, `${url}/api/apps/${victim.slug}/rollback`, { method: "POST", headers: bearer, body: '{"environment":"production"}' });
  await ask(`${name}: set the victim's variable`, `${url}/api/apps/${victim.slug}/environments/production/variables/A`, { method: "PUT", headers: bearer, body: '{"value":"taken"}' });
}
