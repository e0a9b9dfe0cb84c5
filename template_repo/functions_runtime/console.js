/**
 * The console, listened to: what code writes while an invocation runs goes to that invocation's log as well.
 *
 * It is wrapped once, when this module loads, so the runtime has to be imported before the author's module. Which
 * invocation a line belongs to is looked up line by line in an AsyncLocalStorage, which follows awaits, timers and
 * promise chains. The real console gets every line too, and alone those that belong to no invocation.
 *
 * What it does not do: listen to `process.stdout`, or to a console that an author constructs.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";

import { ownStack } from "./errors.js";
import { unshown } from "./log.js";
import { tableOf } from "./table.js";

/**
 * @typedef {import("./log.js").Log} Log
 * @typedef {import("./log.js").Level} Level
 * @typedef {[level: Level, values: unknown[]]} Said
 */

/** @type {AsyncLocalStorage<Log>} */
const current = new AsyncLocalStorage();

/**
 * Run a function so that what it writes, now or later, goes to this log.
 * @template T
 * @param {Log} log
 * @param {() => T} run
 */
export function logged(log, run) {
  return current.run(log, run);
}

/** @type {Record<string, any>} */
const real = { ...console };

/**
 * The methods that tail workers hear as well. All others are written through these, as the text they make.
 * @type {Level[]}
 */
const PLAIN = ["debug", "error", "info", "log", "warn"];

/**
 * What every other method says in an invocation; nothing for a change of state.
 * https://console.spec.whatwg.org/
 * @type {Record<string, (log: Log, ...values: any[]) => Said | void>}
 */
const DERIVED = {
  assert: (_, condition, ...values) => (condition ? undefined : ["error", assertionOf(values)]),
  clear: () => {},
  count: (log, label) => ["log", [log.count(labelOf(label))]],
  countReset: (log, label) => warningOf(log.resetCount(labelOf(label))),
  dir: (_, value, options) => ["log", [inspect(value, { customInspect: false, ...options })]],
  dirxml: (_, ...values) => ["log", values],
  group: enter,
  groupCollapsed: enter,
  groupEnd: (log) => log.leave(),
  table: (_, rows, columns) => ["log", [tableOf(rows, columns)]],
  time: (log, label) => warningOf(log.startTimer(labelOf(label))),
  timeEnd: (log, label) => {
    const said = timeOf(log, label, []);
    log.stopTimer(labelOf(label));
    return said;
  },
  timeLog: (log, label, ...values) => timeOf(log, label, values),
  trace: (log, ...values) => ["trace", [traceOf(log.textOf(values))]],
};

for (const level of PLAIN) {
  console[level] = (/** @type {unknown[]} */ ...values) => {
    real[level](...values);
    current.getStore()?.write(level, values);
  };
}

for (const [name, method] of Object.entries(DERIVED)) {
  /** @type {any} */ (console)[name] = (/** @type {unknown[]} */ ...values) => {
    const log = current.getStore();
    if (log === undefined) return real[name](...values);
    const said = attempt(() => method(log, ...values));
    if (said) say(log, said);
  };
}

/**
 * A value that minds being looked at is no reason for a function to fail.
 * @param {() => Said | void} method
 * @returns {Said | void}
 */
function attempt(method) {
  try {
    return method();
  } catch (error) {
    return ["warn", [unshown(error)]];
  }
}

/**
 * @param {Log} log
 * @param {Said} said
 */
function say(log, [level, values]) {
  real[level === "trace" ? "error" : level](...values);
  log.write(level, values);
}

/**
 * @param {Log} log
 * @param {...unknown} label
 * @returns {Said | undefined}
 */
function enter(log, ...label) {
  if (label.length > 0) say(log, ["log", label]);
  log.enter();
  return undefined;
}

/** @param {unknown} [label] */
function labelOf(label = "default") {
  return String(label);
}

/**
 * @param {string | undefined} complaint
 * @returns {Said | undefined}
 */
function warningOf(complaint) {
  return complaint === undefined ? undefined : ["warn", [complaint]];
}

/**
 * @param {unknown[]} values
 * @returns {unknown[]}
 */
function assertionOf(values) {
  if (typeof values[0] !== "string") return ["Assertion failed", ...values];
  return [`Assertion failed: ${values[0]}`, ...values.slice(1)];
}

/**
 * @param {Log} log
 * @param {unknown} label
 * @param {unknown[]} values
 * @returns {Said}
 */
function timeOf(log, label, values) {
  const time = log.timer(labelOf(label));
  return time === undefined ? ["warn", [`No such label '${labelOf(label)}'`]] : ["log", [time, ...values]];
}

/** @param {string} message */
function traceOf(message) {
  const trace = { name: "Trace", message, stack: "" };
  Error.captureStackTrace(trace, /** @type {any} */ (console).trace);
  return ownStack(trace.stack);
}
