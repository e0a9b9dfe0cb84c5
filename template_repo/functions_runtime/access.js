/**
 * Who may ask, by which method, how often, and from whose pages.
 *
 * What it does not do: hold a counter. Isolates come and go and share no memory, so a limit is the platform's rate
 * limiting binding or none.
 */
import { Failure } from "./errors.js";

/**
 * @typedef {import("./index.js").Call} Call
 * @typedef {import("./options.js").Settings} Settings
 */

/**
 * Let a call through. Throws a Failure for one that may not pass, before anything of its body is read.
 * @param {Call} call
 * @param {string[]} methods
 */
export function admit({ request, env, settings }, methods) {
  checkMethod(request, methods);
  if (settings.invokeKey) checkKey(request, env[settings.invokeKey], settings.invokeKey);
}

/**
 * @param {Request} request
 * @param {string[]} methods
 */
function checkMethod(request, methods) {
  if (methods.includes(request.method)) return;
  const allow = allowed(methods);
  throw new Failure(405, "MethodNotAllowed", `${request.method} is not understood here; ${allow} is`, {
    headers: { allow },
  });
}

/** @param {string[]} methods */
function allowed(methods) {
  return [...methods, "OPTIONS"].join(", ");
}

// --- The invoke key -------------------------------------------------------------------------------------

/**
 * @param {Request} request
 * @param {unknown} key      what the binding holds
 * @param {string} binding
 */
function checkKey(request, key, binding) {
  if (typeof key !== "string" || key === "") {
    throw new Failure(500, "Misconfigured", `this Worker asks for a key, and its secret ${binding} is not set`);
  }
  const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (given !== undefined && areEqual(given, key)) return;
  throw new Failure(401, "Unauthorized", "send this Worker's key: Authorization: Bearer {key}", {
    headers: { "www-authenticate": "Bearer" },
  });
}

const encoder = new TextEncoder();

/**
 * Compare in a time that depends on what was given alone.
 * https://developers.cloudflare.com/workers/examples/protect-against-timing-attacks/
 * @param {string} given
 * @param {string} expected
 */
function areEqual(given, expected) {
  const [ours, theirs] = [encoder.encode(expected), encoder.encode(given)];
  // @ts-expect-error workerd's own; TypeScript's library knows the browsers' crypto.
  const equal = (/** @type {Uint8Array} */ a, /** @type {Uint8Array} */ b) => crypto.subtle.timingSafeEqual(a, b);
  return ours.byteLength === theirs.byteLength ? equal(theirs, ours) : !equal(theirs, theirs);
}

// --- The rate limit -------------------------------------------------------------------------------------

/**
 * Ask the platform's rate limiter about the caller's address. Throws a Failure for one that calls too often.
 * https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
 * @param {Call} call
 */
export async function checkRate({ request, env, settings }) {
  if (await isWithin(env[settings.rateLimit], request.headers.get("cf-connecting-ip") ?? "unknown")) return;
  throw new Failure(429, "RateLimited", "too many calls from your address; try again in a minute", {
    headers: { "retry-after": "60" },
  });
}

/**
 * A limiter that is away stops nobody.
 * @param {{ limit(options: { key: string }): Promise<{ success: boolean }> }} limiter
 * @param {string} key
 */
async function isWithin(limiter, key) {
  try {
    return (await limiter.limit({ key })).success;
  } catch (error) {
    console.warn("the rate limiter does not answer, and nobody is refused:", error);
    return true;
  }
}

// --- Pages of other origins -----------------------------------------------------------------------------

/**
 * Answer OPTIONS: what is understood here, and, to pages that may ask, that they may.
 * @param {Request} request
 * @param {string[]} methods
 * @param {Settings} settings
 */
export function preflight(request, methods, settings) {
  const headers = new Headers({ allow: allowed(methods) });
  const cors = corsHeaders(request, settings);
  for (const [name, value] of cors) headers.set(name, value);
  if (headers.has("access-control-allow-origin")) {
    headers.set("access-control-allow-methods", allowed(methods));
    headers.set("access-control-allow-headers", "accept, authorization, content-type");
    headers.set("access-control-max-age", "7200");
  }
  return new Response(null, { status: 204, headers });
}

/**
 * The headers by which a browser lets a page of another origin read an answer. They keep nobody else from asking.
 * @param {Request} request
 * @param {Settings} settings
 * @returns {[string, string][]}
 */
export function corsHeaders(request, { corsOrigins }) {
  if (corsOrigins.length === 0) return [];
  const origin = corsOrigins.includes("*") ? "*" : request.headers.get("origin");
  const vary = /** @type {[string, string]} */ (["vary", "origin"]);
  if (origin === null || !corsOrigins.includes(origin)) return [vary];
  return [vary, ["access-control-allow-origin", origin]];
}
