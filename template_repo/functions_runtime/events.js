/**
 * An invocation as server-sent events: lines as they are written, then its result or its error.
 *
 * The reader pulls. What it has not taken yet waits in a queue of bounded size; lines that find it full are dropped,
 * and counted by a note in their place. The last event always has room. While there is nothing to say, a comment is
 * sent now and then: it keeps the connection open, and shows when nobody is at its other end any more.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { note } from "./lines.js";

/**
 * @typedef {import("./log.js").Line} Line
 * @typedef {import("./options.js").Settings} Settings
 */

/** @type {ReadonlySet<string>} */
const STDERR = new Set(["error", "trace", "warn"]);
const encoder = new TextEncoder();

export class EventStream {
  #invocationId;
  #settings;
  #onGone;
  #sequence = 0;
  /** @type {string[]} */
  #queue = [];
  #chars = 0;
  #dropped = 0;
  #isEnded = false;
  #wake = () => {};

  /**
   * @param {string} invocationId
   * @param {Settings} settings
   * @param {() => void} onGone  called when the reader goes away before the end
   */
  constructor(invocationId, settings, onGone) {
    this.#invocationId = invocationId;
    this.#settings = settings;
    this.#onGone = onGone;
    this.#put(": open\n\n");
  }

  get isFull() {
    return this.#isEnded || this.#chars >= this.#settings.maxQueuedChars;
  }

  /** @param {Line} line */
  add(line) {
    if (this.#dropped > 0) this.#noteDropped();
    this.#event("log", logData(line));
  }

  drop() {
    this.#dropped += 1;
  }

  /**
   * Say how it ended, and end.
   * @param {"result" | "error"} name
   * @param {string} data  JSON
   */
  end(name, data) {
    if (this.#isEnded) return;
    if (this.#dropped > 0) this.#noteDropped();
    this.#event(name, data);
    this.#isEnded = true;
  }

  /** @returns {ReadableStream<Uint8Array>} */
  get body() {
    const pull = (/** @type {ReadableStreamDefaultController} */ controller) => this.#pull(controller);
    return new ReadableStream({ pull, cancel: () => this.#cancel() }, { highWaterMark: 0 });
  }

  /** @param {ReadableStreamDefaultController<Uint8Array>} controller */
  async #pull(controller) {
    if (this.#queue.length === 0 && !this.#isEnded) await this.#eventOrHeartbeat();
    if (this.#queue.length > 0) controller.enqueue(encoder.encode(this.#take()));
    if (this.#isEnded && this.#queue.length === 0) controller.close();
  }

  /** @returns {Promise<void>} */
  #eventOrHeartbeat() {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#put(": heartbeat\n\n"), this.#settings.heartbeatMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #take() {
    const text = this.#queue.join("");
    this.#queue = [];
    this.#chars = 0;
    return text;
  }

  #cancel() {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#take();
    this.#wake();
    this.#onGone();
  }

  #noteDropped() {
    const message = `${this.#dropped} lines were dropped here: they were written faster than they were read`;
    this.#dropped = 0;
    this.#event("log", logData(note(message)));
  }

  /**
   * @param {string} name
   * @param {string} data
   */
  #event(name, data) {
    this.#sequence += 1;
    this.#put(`event: ${name}\nid: ${this.#invocationId}:${this.#sequence}\ndata: ${inOneLine(data)}\n\n`);
  }

  /** @param {string} text */
  #put(text) {
    this.#queue.push(text);
    this.#chars += text.length;
    this.#wake();
  }
}

/**
 * JSON holds no line feed, but some clients end lines at these, too.
 * @param {string} data
 */
function inOneLine(data) {
  return data.replace(/[\u0085\u2028\u2029]/g, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** @param {Line} line */
function logData({ level, message, timestamp }) {
  return JSON.stringify({ stream: STDERR.has(level) ? "stderr" : "stdout", level, message, timestamp });
}
