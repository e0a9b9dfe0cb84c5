/**
 * One run of a function: its context, its time, its log, and how it ended.
 *
 * A caller that goes away does not end the function: its signal tells it, and it may finish what it does for as long as
 * its time and the platform allow (on Cloudflare 30 seconds from then on).
 */
import { logged } from "./console.js";
import { boundary, describe, Failure } from "./errors.js";
import { writeResult } from "./json.js";
import { Log } from "./log.js";

/**
 * @typedef {import("./index.js").Call} Call
 * @typedef {import("./log.js").Sink} Sink
 *
 * @typedef {object} Outcome
 * @property {number} status        of an answer in one piece
 * @property {number} duration      in milliseconds
 * @property {string} [result]      as JSON, when it succeeded
 * @property {import("./errors.js").ErrorAnswer} [error]  when it did not
 *
 * @typedef {object} Context  the second argument of every function
 * @property {string} functionName
 * @property {string} invocationId
 * @property {AbortSignal} signal  aborted when the caller goes away, and when the function's time is over
 * @property {any} env             the Worker's bindings
 * @property {Headers} headers     of the request
 * @property {(promise: Promise<unknown>) => void} waitUntil  lets work go on after the answer
 */

export class Invocation {
  id = crypto.randomUUID();
  #call;
  /** @type {AbortController | undefined} made when somebody asks for the signal */
  #controller;
  /** @type {DOMException | undefined} */
  #reason;

  /**
   * @param {Call} call
   * @param {string} functionName
   */
  constructor(call, functionName) {
    this.#call = call;
    this.functionName = functionName;
  }

  /**
   * Run the function until it settles or its time is over. Never rejects.
   * @param {unknown} payload
   * @param {Sink} sink  gets the lines that it writes until then
   * @returns {Promise<Outcome>}
   */
  run(payload, sink) {
    const log = new Log(sink, this.#call.settings.maxLineChars);
    const outcome = this.#timed(() => logged(log, () => this.#settle(payload)));
    // Otherwise the platform would end the function together with its caller's connection.
    this.#call.execution.waitUntil(outcome);
    return outcome;
  }

  /** Tell the function that its caller is gone. */
  abandon() {
    this.#abort(new DOMException("the caller is gone", "AbortError"));
  }

  /**
   * @param {() => Promise<Omit<Outcome, "duration">>} settle
   * @returns {Promise<Outcome>}
   */
  async #timed(settle) {
    const began = Date.now();
    const outcome = { ...(await settle()), duration: Date.now() - began };
    this.#report(outcome);
    return outcome;
  }

  /**
   * @param {unknown} payload
   * @returns {Promise<Omit<Outcome, "duration">>}
   */
  async #settle(payload) {
    const { functions, settings } = this.#call;
    try {
      const fn = functions[this.functionName];
      const value = await this.#inTime(boundary.calledByTheRuntime(fn, payload, this.#context()));
      return { status: 200, result: writeResult(value) };
    } catch (thrown) {
      const status = thrown instanceof Failure ? thrown.status : 500;
      return { status, error: describe(thrown, settings.stacks) };
    }
  }

  /**
   * @param {Promise<unknown>} running
   * @returns {Promise<unknown>}
   */
  async #inTime(running) {
    const { timeoutMs } = this.#call.settings;
    const { promise: over, reject } = Promise.withResolvers();
    const timer = setTimeout(() => reject(this.#timedOut(timeoutMs)), timeoutMs);
    try {
      return await Promise.race([running, over]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {number} milliseconds */
  #timedOut(milliseconds) {
    const message = `${this.functionName} did not settle in ${milliseconds} ms`;
    this.#abort(new DOMException(message, "TimeoutError"));
    return new Failure(504, "FunctionTimeout", message);
  }

  /** @returns {Context} */
  #context() {
    const { request, env, execution } = this.#call;
    const signal = () => this.#signal();
    return {
      functionName: this.functionName,
      invocationId: this.id,
      env,
      headers: request.headers,
      waitUntil: (promise) => execution.waitUntil(promise),
      get signal() {
        return signal();
      },
    };
  }

  #signal() {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const gone = this.#call.request.signal;
      gone.addEventListener("abort", () => this.abandon());
      if (gone.aborted) this.abandon();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** @param {DOMException} reason */
  #abort(reason) {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }

  /** @param {Outcome} outcome */
  #report({ error, duration }) {
    const { env, settings } = this.#call;
    try {
      const { functionName, id: invocationId } = this;
      settings.onSettled({ functionName, invocationId, success: !error, duration }, env);
    } catch (problem) {
      console.error("onSettled failed:", problem);
    }
  }
}
