/**
 * The dispatch worker: the one Worker that every visitor meets first. It finds the script that an
 * address names, in the dispatch namespace that the script's name belongs to, and passes the request on.
 *
 *     https://{script}.{APPS_DOMAIN}/path          -> script, "/path"
 *     https://anything.else/app/{script}/path      -> script, "/path"
 *
 * Only when there is no such script does it ask somebody else: the control plane, whether the address has
 * expired or never was.
 *
 * What it does not do: it keeps no list of apps, asks no database, adds no header, and changes no answer
 * of a script. Nothing in it knows whether it runs on Cloudflare or on a laptop.
 */

/**
 * @typedef {{ fetch(request: Request): Promise<Response> }} UserWorker
 * @typedef {{ limits?: { cpuMs: number, subRequests: number } }} DispatchOptions
 * @typedef {{ get(name: string, args?: object, options?: DispatchOptions): UserWorker }} DispatchNamespace
 * @typedef {object} Env
 * @property {DispatchNamespace} NAMESPACE_PRODUCTION
 * @property {DispatchNamespace} NAMESPACE_STAGING
 * @property {DispatchNamespace} NAMESPACE_PREVIEW
 * @property {DispatchNamespace} [NAMESPACE_UNTRUSTED]  pull requests from forks; without it they are unknown
 * @property {string} APPS_DOMAIN  host, with a port where it has one; scripts live one label below it
 * @property {string} [CONTROL_PLANE_URL]  who knows what has expired; without it every absent script is unknown
 *
 * @typedef {object} Place
 * @property {DispatchNamespace} namespace
 * @property {DispatchOptions} options
 *
 * @typedef {object} Route
 * @property {string} script
 * @property {string} path       what the script sees, still percent-encoded as it came
 * @property {boolean} stripped  the address carried a "/app/{script}" prefix
 */

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   * @returns {Promise<Response>}
   */
  async fetch(request, env) {
    const url = new URL(request.url);
    const route = routeOf(url, env.APPS_DOMAIN);
    if (route === null) return platformPage(request, url);
    if (route.path === "" && isNavigation(request)) return addSlash(url);
    const place = placeOf(route.script, env);
    if (place === null) return unknownApp(request, route.script);
    return dispatch(place, route.script, requestFor(route, request, url), env);
  },
};

/**
 * @param {Place} place
 * @param {string} script
 * @param {Request} request
 * @param {Env} env
 */
async function dispatch({ namespace, options }, script, request, env) {
  try {
    return await namespace.get(script, {}, options).fetch(request);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (message.startsWith("Worker not found")) return absentApp(request, script, env);
    console.error(`${script}: ${message}`);
    return brokenApp(request, script);
  }
}

// --- Where a request goes -------------------------------------------------------------------------

const PATH_PREFIX = "/app/";
// https://datatracker.ietf.org/doc/html/rfc1035#section-2.3.1, and digits may lead as RFC 1123 allows.
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * @param {URL} url
 * @param {string} appsDomain
 * @returns {Route | null} null for the platform's own pages
 */
function routeOf(url, appsDomain) {
  // An absolute host name may end in a dot; ports say how we were reached, not who was asked for.
  const host = url.hostname.replace(/\.$/, "");
  const suffix = "." + appsDomain.replace(/:\d+$/, "").toLowerCase();
  if (host.endsWith(suffix)) {
    return { script: host.slice(0, -suffix.length), path: url.pathname, stripped: false };
  }
  if (!url.pathname.startsWith(PATH_PREFIX) || url.pathname === PATH_PREFIX) return null;
  const rest = url.pathname.slice(PATH_PREFIX.length);
  const end = rest.indexOf("/");
  if (end === -1) return { script: rest, path: "", stripped: true };
  return { script: rest.slice(0, end), path: rest.slice(end), stripped: true };
}

// What one request to a pull request from a fork may use: enough to look at it, too little to work for its author.
const UNTRUSTED_LIMITS = { cpuMs: 50, subRequests: 20 };

/**
 * The namespace follows from the script's name alone: production scripts have no hyphen, or say so.
 * @param {string} script
 * @param {Env} env
 * @returns {Place | null} null when no app can have this name
 */
function placeOf(script, env) {
  if (!DNS_LABEL.test(script)) return null;
  const prefix = script.includes("-") ? script.slice(0, script.indexOf("-")) : "production";
  switch (prefix) {
    case "production":
      return { namespace: env.NAMESPACE_PRODUCTION, options: {} };
    case "staging":
      return { namespace: env.NAMESPACE_STAGING, options: {} };
    case "preview":
      return { namespace: env.NAMESPACE_PREVIEW, options: {} };
    case "fork":
      if (!env.NAMESPACE_UNTRUSTED) return null;
      return { namespace: env.NAMESPACE_UNTRUSTED, options: { limits: UNTRUSTED_LIMITS } };
    default:
      return null;
  }
}

// --- The request that the script sees ---------------------------------------------------------------

// Headers by which a visitor could speak in the platform's name: "branchline-*" is kept for us, and the
// version header picks an app's version on Cloudflare, which is for the platform to decide.
// https://developers.cloudflare.com/workers/configuration/versions-and-deployments/gradual-deployments/
const RESERVED_HEADER = /^(?:x-)?branchline-|^cloudflare-workers-version-/;

/**
 * The request as it came, without our path prefix and without reserved headers. It is copied only when
 * one of them is there; method, body stream, headers and a WebSocket upgrade always pass unread.
 * @param {Route} route
 * @param {Request} request
 * @param {URL} url
 */
function requestFor(route, request, url) {
  const reserved = [...request.headers.keys()].filter((name) => RESERVED_HEADER.test(name));
  if (!route.stripped && reserved.length === 0) return request;
  const target = new URL(url);
  target.pathname = route.path;
  const copy = new Request(target, request);
  for (const name of reserved) copy.headers.delete(name);
  return copy;
}

/**
 * Without its last slash, "/app/{script}" would make a browser look for the page's relative assets in
 * "/app/". Only a person's navigation is redirected; every other client is served at once, as "/".
 * @param {Request} request
 */
function isNavigation(request) {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const mode = request.headers.get("sec-fetch-mode");
  return mode === null ? prefersHtml(request) : mode === "navigate";
}

/** @param {URL} url */
function addSlash(url) {
  const location = url.pathname + "/" + url.search;
  return new Response(null, {
    status: 307,
    headers: { location, vary: "accept, sec-fetch-mode", "cache-control": "no-store" },
  });
}

// --- What became of a script that is not there --------------------------------------------------------

const ASKING_MS = 2_000;
const REMEMBERING_MS = 30_000;
// After a question without an answer nobody asks for a while: a control plane that is down costs a visitor
// of an unknown address two seconds now and then, not each of them.
const SILENCE_MS = 5_000;
const MOST_REMEMBERED = 1_000;

/**
 * @typedef {object} Told  what the control plane says of an address; it says no more than the address does
 * @property {"expired" | "unknown"} state
 * @property {string} [expiredAt]  ISO 8601
 * @property {boolean} [isWorker]    it was made of functions alone
 */

/** @type {Told} */
const UNKNOWN = { state: "unknown" };
/** @type {Map<string, { told: Told, until: number }>} oldest first; for where there is no Cache API */
const remembered = new Map();
let silentUntil = 0;

/**
 * @param {Request} request
 * @param {string} script
 * @param {Env} env
 */
async function absentApp(request, script, env) {
  const controlPlane = (env.CONTROL_PLANE_URL ?? "").replace(/\/+$/, "");
  const told = controlPlane ? await lookUp(`${controlPlane}/addresses/${script}`) : UNKNOWN;
  return told.state === "expired" ? expiredApp(request, told) : unknownApp(request, script);
}

/**
 * @param {string} address
 * @returns {Promise<Told>}
 */
async function lookUp(address) {
  const known = await recall(address);
  if (known !== null) return known;
  if (Date.now() < silentUntil) return UNKNOWN;
  try {
    const told = await ask(address);
    await remember(address, told);
    return told;
  } catch (error) {
    silentUntil = Date.now() + SILENCE_MS;
    console.error(`asking ${address}: ${error instanceof Error ? error.message : error}`);
    return UNKNOWN;
  }
}

/**
 * Nothing of the visitor goes along but the script's name.
 * @param {string} address
 * @returns {Promise<Told>}
 */
async function ask(address) {
  const response = await fetch(address, {
    headers: { accept: "application/json" },
    redirect: "manual",
    signal: AbortSignal.timeout(ASKING_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const { state, expiredAt, kind } = await response.json();
  if (state !== "expired") return UNKNOWN;
  return { state, expiredAt: typeof expiredAt === "string" ? expiredAt : undefined, isWorker: kind === "worker" };
}

/**
 * @param {string} address
 * @returns {Promise<Told | null>}
 */
async function recall(address) {
  const kept = remembered.get(address);
  if (kept !== undefined && Date.now() < kept.until) return kept.told;
  try {
    const response = await caches.default.match(address);
    return response === undefined ? null : await response.json();
  } catch {
    return null; // There is no Cache API here.
  }
}

/**
 * @param {string} address
 * @param {Told} told
 */
async function remember(address, told) {
  const seconds = REMEMBERING_MS / 1000;
  try {
    await caches.default.put(address, Response.json(told, { headers: { "cache-control": `max-age=${seconds}` } }));
  } catch {
    remembered.delete(address);
    remembered.set(address, { told, until: Date.now() + REMEMBERING_MS });
    if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value ?? "");
  }
}

// --- Our own answers --------------------------------------------------------------------------------

/**
 * @param {Request} request
 * @param {URL} url
 */
function platformPage(request, url) {
  if (url.pathname !== "/") {
    return answer(request, 404, "not-found", "There is no page here", `Nothing lives at ${url.pathname}.`);
  }
  const text = "Apps live at their own address: one name below this domain, or /app/ and their name.";
  return answer(request, 200, "ok", "Branchline", text);
}

/**
 * @param {Request} request
 * @param {string} script
 */
function unknownApp(request, script) {
  const text = `No app called “${script}” is live here. It may have been removed, or not be deployed yet.`;
  return answer(request, 404, "app:not-found", "There is no such app", text);
}

/**
 * @param {Request} request
 * @param {Told} told
 */
function expiredApp(request, { expiredAt, isWorker }) {
  const day = expiredAt?.match(/^\d{4}-\d{2}-\d{2}/)?.[0];
  const when = day ? ` on ${day}` : "";
  const details = expiredAt ? { expiredAt } : {};
  if (isWorker) {
    const text = `These functions have expired${when}. “branchline workers restore” brings them back.`;
    return answer(request, 410, "worker:expired", "These functions have expired", text, details);
  }
  const text =
    `This preview or deployment has expired${when}. To see it again, push to its branch, ` +
    "or bring it back with “branchline restore”.";
  return answer(request, 410, "deployment:expired", "This deployment has expired", text, details);
}

/**
 * @param {Request} request
 * @param {string} script
 */
function brokenApp(request, script) {
  const text = `The app “${script}” failed while answering. Its logs say why.`;
  return answer(request, 502, "app:failed", "This app is not answering", text);
}

/** @param {Request} request */
function prefersHtml(request) {
  return (request.headers.get("accept") ?? "").includes("text/html");
}

/**
 * Programs ask for JSON, or call an address below /api/ and ask for no page.
 * @param {Request} request
 */
function prefersJson(request) {
  const accept = request.headers.get("accept") ?? "";
  if (accept.includes("text/html")) return false;
  return accept.includes("application/json") || new URL(request.url).pathname.startsWith("/api/");
}

/**
 * A page for people, JSON for programs. Never stored: the next moment may differ.
 * @param {Request} request
 * @param {number} status
 * @param {string} code
 * @param {string} title
 * @param {string} message
 * @param {object} [details]  for JSON
 */
function answer(request, status, code, title, message, details = {}) {
  const json = prefersJson(request);
  const body = json ? jsonBody(status, code, message, details) : page(title, message);
  return new Response(request.method === "HEAD" ? null : body, {
    status,
    headers: {
      "content-type": json ? "application/json" : "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      "cache-control": "no-store",
      vary: "accept",
    },
  });
}

/**
 * @param {number} status
 * @param {string} code
 * @param {string} message
 * @param {object} details
 */
function jsonBody(status, code, message, details) {
  return JSON.stringify(status < 400 ? { message } : { error: { code, message, details } }) + "\n";
}

/**
 * @param {string} title
 * @param {string} message
 */
function page(title, message) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto 0; padding: 0 1.5rem }
  h1 { font-size: 1.4rem; margin: 0 0 .5rem } p { margin: 0; opacity: .75 }
</style>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(message)}</p>
</html>
`;
}

/** @param {string} text */
function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
