/**
 * The log of one invocation: turns what the console was given into lines, as Node would print them.
 *
 * Groups, counters and timers are the invocation's own. Where lines go, and how many fit, is its sink's matter; a sink
 * that is full costs no formatting.
 */
import { format } from "node:util";

import { cut } from "./errors.js";

/**
 * @typedef {"debug" | "error" | "info" | "log" | "trace" | "warn"} Level
 * @typedef {{ level: Level, message: string, timestamp: string }} Line
 *
 * @typedef {object} Sink
 * @property {boolean} isFull
 * @property {(line: Line) => void} add
 * @property {() => void} drop  count a line that did not fit
 */

const INDENT = 2;
const DEEPEST = 40;

export class Log {
  #depth = 0;
  /** @type {Map<string, number>} */
  #counts = new Map();
  /** @type {Map<string, number>} */
  #timers = new Map();
  #sink;
  #maxLineChars;

  /**
   * @param {Sink} sink
   * @param {number} maxLineChars
   */
  constructor(sink, maxLineChars) {
    this.#sink = sink;
    this.#maxLineChars = maxLineChars;
  }

  /**
   * @param {Level} level
   * @param {unknown[]} values
   */
  write(level, values) {
    if (this.#sink.isFull) return this.#sink.drop();
    this.#sink.add({ level, message: this.#line(values), timestamp: timestamp() });
  }

  /** @param {unknown[]} values */
  #line(values) {
    const text = this.textOf(values);
    return cut(this.#indented(text.slice(0, this.#maxLineChars)), this.#maxLineChars, text.length);
  }

  /** @param {string} text */
  #indented(text) {
    if (this.#depth === 0) return text;
    const indent = " ".repeat(Math.min(this.#depth, DEEPEST) * INDENT);
    return indent + text.replaceAll("\n", `\n${indent}`);
  }

  /**
   * The text of a line. Never throws, whatever getters and proxies it is given.
   * @param {unknown[]} values
   * @returns {string}
   */
  textOf(values) {
    if (values.length === 1 && typeof values[0] === "string") return values[0];
    try {
      return format(...values);
    } catch (error) {
      return unshown(error);
    }
  }

  enter() {
    this.#depth += 1;
  }

  leave() {
    this.#depth = Math.max(0, this.#depth - 1);
  }

  /** @param {string} label */
  count(label) {
    const count = (this.#counts.get(label) ?? 0) + 1;
    this.#counts.set(label, count);
    return `${label}: ${count}`;
  }

  /**
   * @param {string} label
   * @returns {string | undefined} what is wrong
   */
  resetCount(label) {
    return this.#counts.delete(label) ? undefined : `Count for '${label}' does not exist`;
  }

  /**
   * @param {string} label
   * @returns {string | undefined} what is wrong
   */
  startTimer(label) {
    if (this.#timers.has(label)) return `Label '${label}' already exists`;
    this.#timers.set(label, Date.now());
    return undefined;
  }

  /** @param {string} label */
  stopTimer(label) {
    this.#timers.delete(label);
  }

  /**
   * @param {string} label
   * @returns {string | undefined} undefined when it does not run
   */
  timer(label) {
    const started = this.#timers.get(label);
    return started === undefined ? undefined : `${label}: ${spanOf(Date.now() - started)}`;
  }
}

let told = NaN;
let text = "";

/** The time in ISO 8601, written anew only when it is another: a Worker's clock stands still until the next I/O. */
export function timestamp() {
  const now = Date.now();
  if (now !== told) {
    told = now;
    text = new Date(now).toISOString();
  }
  return text;
}

/** @param {number} milliseconds */
function spanOf(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(3)}s`;
  const seconds = ((milliseconds % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return `${Math.floor(milliseconds / 60_000)}:${seconds} (m:ss.mmm)`;
}

/** @param {unknown} error */
export function unshown(error) {
  return `[a value that cannot be shown: ${error instanceof Error ? error.message : typeof error}]`;
}
