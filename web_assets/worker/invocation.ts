/**
 * One call of a function, as it is told: its lines while they are written, and how it ended.
 *
 * A stream that is cut is taken up again behind the last event that was seen (`Last-Event-ID`), and an event that
 * comes a second time all the same is passed over. The call itself is sent once and never again. Nothing here knows
 * the page.
 */
import { ENDED, UNAUTHENTICATED } from "./signed_out.ts";
import { readEvents, type ServerEvent, within } from "./sse.ts";
import { fieldsOf, numberOf, parsed, textOf } from "./telling.ts";

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly timestamp: string;
}

export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

export type Told =
  | { readonly kind: "begun"; readonly invocation: string }
  | { readonly kind: "lines"; readonly lines: readonly Line[] }
  | { readonly kind: "cut"; readonly attempt: number }
  | { readonly kind: "resumed" }
  | { readonly kind: "result"; readonly value: unknown; readonly duration: number }
  | { readonly kind: "failed"; readonly error: Thrown; readonly duration?: number }
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  | { readonly kind: "lost"; readonly message: string };

/** What a call needs of its surroundings; `base` is the address of the worker in our API. */
export interface Call {
  readonly base: string;
  readonly function: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface Network {
  fetch(url: string, options: RequestInit): Promise<Response>;
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** The server sends a heartbeat at least every few seconds, and keeps an invocation without a reader for thirty. */
const SILENCE_MS = 20_000;
const ANSWER_MS = 30_000;
const PAUSES_MS = [0, 500, 1000, 2000, 4000, 8000, 8000];

/** Call a function and yield all that is told of it; the last is how it ended, unless `signal` aborts first. */
export async function* invoke(call: Call, network: Network): AsyncGenerator<Told, void, void> {
  const url = `${call.base}/invoke/${encodeURIComponent(call.function)}`;
  const options = { method: "POST", body: call.payload, headers: { ...call.headers } };
  try {
    const answer = await answerTo(call, network, url, options);
    const invocation = answer.headers.get("invocation-id");
    if (!isStream(answer) || invocation === null) {
      yield await refusal(answer);
      return;
    }
    yield { kind: "begun", invocation };
    yield* new Reading(call, network, invocation).told(answer);
  } catch (error) {
    if (call.signal.aborted) return;
    yield { kind: "lost", message: `The call did not arrive, or its answer did not: ${reasonOf(error)}` };
  }
}

/** Ask, and wait for an answer to begin: where none does in time, the request ends, and its connection is free. */
async function answerTo(call: Call, network: Network, url: string, options: RequestInit): Promise<Response> {
  const asking = new AbortController();
  const stop = (): void => asking.abort();
  if (call.signal.aborted) stop();
  call.signal.addEventListener("abort", stop, { once: true });
  try {
    return await within(ANSWER_MS, network.fetch(url, { ...options, signal: asking.signal }));
  } catch (error) {
    call.signal.removeEventListener("abort", stop);
    stop();
    throw error;
  }
}

/** Reads the events of an invocation, over as many connections as it takes. */
class Reading {
  #seen = 0;
  #failures = 0;
  readonly #call: Call;
  readonly #network: Network;
  readonly #invocation: string;

  constructor(call: Call, network: Network, invocation: string) {
    this.#call = call;
    this.#network = network;
    this.#invocation = invocation;
  }

  async *told(first: Response): AsyncGenerator<Told, void, void> {
    let answer: Response | undefined = first;
    while (this.#failures < PAUSES_MS.length) {
      if (answer !== undefined && (yield* this.#read(answer))) return;
      if (this.#call.signal.aborted) return;
      yield { kind: "cut", attempt: this.#failures + 1 };
      await this.#network.pause(PAUSES_MS[this.#failures++] ?? 0, this.#call.signal);
      answer = await this.#again();
      if (answer === undefined) continue;
      if (!isStream(answer)) {
        if (isPassing(answer.status)) continue;
        yield { kind: "lost", message: messageOf(await refusal(answer)) };
        return;
      }
      yield { kind: "resumed" };
    }
    yield { kind: "lost", message: "The connection could not be made again; the function may still run." };
  }

  /** Tell what comes over one connection, and return whether that was all. */
  async *#read(answer: Response): AsyncGenerator<Told, boolean, void> {
    if (answer.body === null) return false;
    try {
      for await (const events of readEvents(answer.body, SILENCE_MS)) {
        const fresh = events.filter((event) => this.#isNew(event));
        if (fresh.length > 0) this.#failures = 0;
        const lines = fresh.filter((event) => event.name === "log").map((event) => lineOf(event.data));
        if (lines.length > 0) yield { kind: "lines", lines };
        const end = fresh.find((event) => event.name === "result" || event.name === "error");
        if (end !== undefined) {
          yield endOf(end);
          return true;
        }
      }
    } catch {
      // It was cut: whoever asked goes on behind the last event that was seen.
    }
    return false;
  }

  /** Every event has an id of ours, counting from 0: what is not above the last one was told before. */
  #isNew(event: ServerEvent): boolean {
    const number = Number(event.id.slice(event.id.lastIndexOf(":") + 1));
    if (!Number.isSafeInteger(number) || number <= this.#seen) return false;
    this.#seen = number;
    return true;
  }

  async #again(): Promise<Response | undefined> {
    const url = `${this.#call.base}/invocations/${encodeURIComponent(this.#invocation)}/events`;
    const headers = { ...this.#call.headers, "Last-Event-ID": `${this.#invocation}:${this.#seen}` };
    try {
      return await answerTo(this.#call, this.#network, url, { headers });
    } catch {
      return undefined;
    }
  }
}

function isStream(answer: Response): boolean {
  return answer.ok && (answer.headers.get("content-type") ?? "").startsWith("text/event-stream");
}

/** A proxy, or a process that is about to start: the next try may find it well. */
function isPassing(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

/** Say why there is no stream: in the worker's words, where its answer is passed on, or in ours. */
async function refusal(answer: Response): Promise<Told> {
  const { name, message, stack } = thrownOf(parsed(await answer.text()));
  if (name !== undefined) return { kind: "failed", error: { name, message: message ?? "", stack } };
  if (answer.status === UNAUTHENTICATED) return { kind: "refused", status: answer.status, message: ENDED };
  return { kind: "refused", status: answer.status, message: message ?? `The server answered ${answer.status}.` };
}

function messageOf(told: Told): string {
  if (told.kind === "failed") return `${told.error.name}: ${told.error.message}`;
  return told.kind === "refused" ? told.message : "";
}

function lineOf(data: string): Line {
  const { level, message, timestamp } = fieldsOf(parsed(data));
  return { level: textOf(level) ?? "log", message: textOf(message) ?? data, timestamp: textOf(timestamp) ?? "" };
}

function endOf({ name, data }: ServerEvent): Told {
  const told = parsed(data);
  const { result, duration } = fieldsOf(told);
  if (name === "result") return { kind: "result", value: result ?? null, duration: numberOf(duration) ?? 0 };
  const { name: kind = "Error", message = data, stack } = thrownOf(told);
  return { kind: "failed", error: { name: kind, message, stack }, duration: numberOf(duration) };
}

/** Return what was thrown, as far as that is told. */
function thrownOf(told: unknown): Partial<Thrown> {
  const { name, message, stack } = fieldsOf(fieldsOf(told).error);
  return { name: textOf(name), message: textOf(message), stack: textOf(stack) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
