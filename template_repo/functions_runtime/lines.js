/** The lines of an invocation that is answered in one piece: the first ones, and a note of how many did not fit. */
import { timestamp } from "./log.js";

/**
 * @typedef {import("./log.js").Line} Line
 * @typedef {import("./options.js").Settings} Settings
 */

/**
 * A note of ours among the lines of a function.
 * @param {string} message
 * @returns {Line}
 */
export function note(message) {
  return { level: "warn", message: `[${message}]`, timestamp: timestamp() };
}

/**
 * A line as JSON. Levels and times need no escaping, and a function may write many lines.
 * @param {Line} line
 */
function jsonOf({ level, message, timestamp: at }) {
  return `{"level":"${level}","message":${JSON.stringify(message)},"timestamp":"${at}"}`;
}

export class KeptLines {
  /** @type {string[]} */
  #lines = [];
  #chars = 0;
  #cut = 0;
  #settings;

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  get isFull() {
    const { maxLines, maxLogChars } = this.#settings;
    return this.#lines.length >= maxLines || this.#chars >= maxLogChars;
  }

  /**
   * Keep a line as JSON, which holds on to nothing of the text that it was cut from.
   * @param {Line} line
   */
  add(line) {
    const text = jsonOf(line);
    this.#chars += text.length;
    this.#lines.push(text);
  }

  drop() {
    this.#cut += 1;
  }

  /** All of it, each line as JSON. */
  end() {
    if (this.#cut === 0) return this.#lines;
    const { maxLines, maxLogChars } = this.#settings;
    const limits = `an answer holds ${maxLines} lines or ${maxLogChars} characters of them`;
    return [...this.#lines, jsonOf(note(`${this.#cut} more lines were cut: ${limits}`))];
  }
}
