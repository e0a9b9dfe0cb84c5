/**
 * The runtime of functions: turns a module that exports functions into a Worker that answers calls of them.
 *
 *     import { createHandler } from "./functions_runtime/index.js";   // first: it listens to the console
 *     import * as functions from "./functions.js";                    // the author's module, as it is
 *     export default createHandler(functions);
 *
 *     POST /api/invoke/{function}    call one; JSON in, JSON or a stream of events out
 *     GET  /api/functions            what can be called
 *
 * docs/functions.md is the contract. What it does not do: keep anything from one request to the next, speak to the
 * control plane, or limit CPU time; a function that never yields is for the platform to end.
 */
import { admit, checkRate, corsHeaders, preflight } from "./access.js";
import { failed, json } from "./answers.js";
import { Failure } from "./errors.js";
import { invoke } from "./invoke.js";
import { withDefaults } from "./options.js";
import { indexPage } from "./page.js";

/**
 * @typedef {import("./options.js").Options} Options
 * @typedef {import("./options.js").Settings} Settings
 * @typedef {import("./invocation.js").Context} Context
 * @typedef {Record<string, any>} Env
 * @typedef {Record<string, any>} Functions  a module's namespace, or an object of functions
 * @typedef {{ waitUntil(promise: Promise<unknown>): void }} Execution  Cloudflare's `ctx`
 *
 * @typedef {object} Call  one request, and all that is known when it arrives
 * @property {Request} request
 * @property {Env} env
 * @property {Execution} execution
 * @property {Functions} functions
 * @property {readonly string[]} names  what of `functions` can be called
 * @property {Settings} settings
 *
 * @typedef {object} Route
 * @property {string[]} methods
 * @property {string} [functionName]
 * @property {() => Response | Promise<Response>} answer
 */

/**
 * Make the Worker of a module. Throws a TypeError for options that cannot be meant, so that such a Worker never loads.
 * @param {Functions} functions
 * @param {Options} [options]
 */
export function createHandler(functions, options = {}) {
  const settings = withDefaults(options);
  const names = namesOf(functions);
  return {
    /**
     * @param {Request} request
     * @param {Env} env
     * @param {Execution} execution
     * @returns {Response | Promise<Response>}
     */
    fetch(request, env, execution) {
      const call = { request, env, execution, functions, names, settings };
      const route = routeOf(call, new URL(request.url).pathname);
      return route ? respond(call, route) : settings.fallback(request, env, execution);
    },
  };
}

/**
 * The exports that can be called: functions, `default` included when it is one. Classes are not: they would have to
 * be constructed, and a module exports them for its platform or its types.
 * @param {Functions} functions
 */
function namesOf(functions) {
  return Object.keys(functions).filter((name) => isFunction(functions[name]));
}

/** @param {unknown} value */
function isFunction(value) {
  return typeof value === "function" && !/^class\b/.test(Function.prototype.toString.call(value));
}

// --- Who answers --------------------------------------------------------------------------------------

const INVOKE = "/api/invoke/";
const READ = ["GET", "HEAD"];
const ANY = [...READ, "POST", "PUT", "PATCH", "DELETE"];

/**
 * @param {Call} call
 * @param {string} path
 * @returns {Route | null} null when the app itself answers
 */
function routeOf(call, path) {
  if (path.startsWith(INVOKE)) {
    const functionName = decoded(path.slice(INVOKE.length));
    return { methods: ["POST"], functionName, answer: () => invoke(call, functionName) };
  }
  if (path === "/api/functions") return { methods: READ, answer: () => json({ functions: call.names }) };
  if (call.settings.fallback) return null;
  if (path === "/") return { methods: READ, answer: () => indexPage(call.request, call.names) };
  return { methods: ANY, answer: () => nothingAt(path) };
}

/**
 * Answer, if the caller may ask. A browser may read every answer, a refusal too, wherever CORS allows its page to ask.
 * @param {Call} call
 * @param {Route} route
 */
async function respond(call, route) {
  const { request, settings } = call;
  if (request.method === "OPTIONS") return preflight(request, route.methods, settings);
  const response = await answerOrFailure(call, route);
  for (const [name, value] of corsHeaders(request, settings)) response.headers.append(name, value);
  return request.method === "HEAD" ? new Response(null, response) : response;
}

/**
 * @param {Call} call
 * @param {Route} route
 */
async function answerOrFailure(call, route) {
  try {
    admit(call, route.methods);
    if (call.settings.rateLimit) await checkRate(call);
    return await route.answer();
  } catch (error) {
    if (error instanceof Failure) return failed(error, route.functionName);
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {never}
 */
function nothingAt(path) {
  throw new Failure(404, "NotFound", `there is nothing at ${path}; functions are called at ${INVOKE}{function}`);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
