/**
 * The dispatch worker: the one Worker that every visitor meets first. It finds the script that an
 * address names, in the dispatch namespace that the script's name belongs to, and passes the request on.
 *
 *     https://{script}.{APPS_DOMAIN}/path          -> script, "/path"
 *     https://anything.else/app/{script}/path      -> script, "/path"
 *
 * What it does not do: it keeps no list of apps, asks no database, adds no header, and changes no answer
 * of a script. Nothing in it knows whether it runs on Cloudflare or on a laptop.
 */

/**
 * @typedef {{ fetch(request: Request): Promise<Response> }} UserWorker
 * @typedef {{ get(name: string): UserWorker }} DispatchNamespace
 * @typedef {object} Env
 * @property {DispatchNamespace} NAMESPACE_PRODUCTION
 * @property {DispatchNamespace} NAMESPACE_STAGING
 * @property {DispatchNamespace} NAMESPACE_PREVIEW
 * @property {string} APPS_DOMAIN  host, with a port where it has one; scripts live one label below it
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
    const namespace = namespaceOf(route.script, env);
    if (namespace === null) return unknownApp(request, route.script);
    return dispatch(namespace, route, requestFor(route, request, url));
  },
};

/**
 * @param {DispatchNamespace} namespace
 * @param {Route} route
 * @param {Request} request
 */
async function dispatch(namespace, route, request) {
  try {
    return await namespace.get(route.script).fetch(request);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (message.startsWith("Worker not found")) return unknownApp(request, route.script);
    console.error(`${route.script}: ${message}`);
    return brokenApp(request, route.script);
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

/**
 * The namespace follows from the script's name alone: production scripts have no hyphen, or say so.
 * @param {string} script
 * @param {Env} env
 * @returns {DispatchNamespace | null} null when no app can have this name
 */
function namespaceOf(script, env) {
  if (!DNS_LABEL.test(script)) return null;
  if (!script.includes("-") || script.startsWith("production-")) return env.NAMESPACE_PRODUCTION;
  if (script.startsWith("staging-")) return env.NAMESPACE_STAGING;
  if (script.startsWith("preview-")) return env.NAMESPACE_PREVIEW;
  return null;
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
 * A page for people; JSON for a client that asks for it. Never stored: the next moment may differ.
 * @param {Request} request
 * @param {number} status
 * @param {string} code
 * @param {string} title
 * @param {string} message
 */
function answer(request, status, code, title, message) {
  const accept = request.headers.get("accept") ?? "";
  const json = accept.includes("application/json") && !accept.includes("text/html");
  const body = json ? jsonBody(status, code, message) : page(title, message);
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
 */
function jsonBody(status, code, message) {
  return JSON.stringify(status < 400 ? { message } : { error: { code, message, details: {} } }) + "\n";
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
