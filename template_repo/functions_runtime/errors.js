/**
 * What went wrong, as callers are told: refusals of ours (`Failure`), and what a function threw (`describe`).
 */
import { inspect } from "node:util";

/**
 * @typedef {{ name: string, message: string, stack?: string }} ErrorAnswer
 */

/** A call that we do not answer with a result, and why. */
export class Failure extends Error {
  /**
   * @param {number} status
   * @param {string} name      stable, as docs/functions.md lists it
   * @param {string} message
   * @param {{ headers?: Record<string, string>, details?: object }} [extra]  details go beside the error
   */
  constructor(status, name, message, { headers = {}, details = {} } = {}) {
    super(message);
    this.name = name;
    this.status = status;
    this.headers = headers;
    this.details = details;
  }
}

const MAX_CHARS = 16 * 1024;
const MAX_CAUSES = 5;

/**
 * Describe whatever was thrown: errors by their name and message, anything else as the console would show it.
 * Never throws itself, whatever getters and proxies it was given.
 * @param {unknown} thrown
 * @param {boolean} withStack
 * @returns {ErrorAnswer}
 */
export function describe(thrown, withStack) {
  try {
    if (thrown instanceof Failure) return { name: thrown.name, message: thrown.message };
    return isError(thrown) ? describeError(thrown, withStack) : { name: "NonError", message: text(shown(thrown)) };
  } catch {
    return { name: "NonError", message: "what was thrown cannot be described" };
  }
}

/**
 * @param {Error} error
 * @param {boolean} withStack
 */
function describeError(error, withStack) {
  const described = { name: text(error.name || "Error"), message: text(error.message) };
  return withStack && typeof error.stack === "string" ? { ...described, stack: text(stackOf(error)) } : described;
}

/**
 * The stack, and those of the errors that caused it.
 * @param {Error} error
 */
function stackOf(error) {
  const stacks = [ownStack(`${error.stack}`)];
  for (let cause = error.cause; isError(cause) && stacks.length <= MAX_CAUSES; cause = cause.cause) {
    stacks.push(`caused by: ${ownStack(`${cause.stack ?? cause.message}`)}`);
  }
  return stacks.join("\n");
}

/** Calls authors' functions. The method's name, which no minifier shortens, marks where their part of a stack ends. */
export const boundary = {
  /**
   * @param {(payload: unknown, context: unknown) => unknown} fn
   * @param {unknown} payload
   * @param {unknown} context
   */
  async calledByTheRuntime(fn, payload, context) {
    return await fn(payload, context);
  },
};

/**
 * A stack without our own frames.
 * @param {string} stack
 */
export function ownStack(stack) {
  return stack.replace(/\n {4}at (?:async )?(?:Object\.)?calledByTheRuntime \([^]*$/, "");
}

/**
 * DOMExceptions, and errors of other realms and of libraries, need not be instances of our Error.
 * @param {unknown} value
 * @returns {value is Error}
 */
function isError(value) {
  if (value instanceof Error) return true;
  return typeof value === "object" && value !== null && "message" in value && typeof value.message === "string";
}

/** @param {unknown} value */
function shown(value) {
  return typeof value === "string" ? value : inspect(value);
}

/** @param {unknown} value */
function text(value) {
  return cut(String(value), MAX_CHARS);
}

/**
 * Shorten a text to `most` characters and a note of how many are missing. What is left can always be encoded.
 * @param {string} value
 * @param {number} most
 * @param {number} [length]  of the whole text, when `value` is only its beginning
 */
export function cut(value, most, length = value.length) {
  const missing = Math.max(value.length, length) - most;
  if (missing <= 0) return value.toWellFormed();
  return `${value.slice(0, most).toWellFormed()}… [${missing} more characters were cut]`;
}
