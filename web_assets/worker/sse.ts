/**
 * Server-sent events, read from the body of an answer to `fetch`: an EventSource cannot POST.
 *
 * What it does not do: connect again, or know what an event means.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */

export interface ServerEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** More than the longest event that the server sends. */
const MOST_CHARS = 4 * 1024 * 1024;

/** Makes events of text, wherever that is cut into pieces. */
export class EventParser {
  #rest = "";
  #data: string[] = [];
  #chars = 0;
  #name = "";
  #id = "";

  /** Take the next piece, and return the events that it completes. Throws when one of them has no end. */
  push(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    const events = lines.flatMap((line) => this.#take(line) ?? []);
    if (this.#rest.length + this.#chars > MOST_CHARS) throw new Error("an event has no end");
    return events;
  }

  #take(line: string): ServerEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "data") this.#keep(value);
    return undefined;
  }

  #keep(value: string): void {
    this.#data.push(value);
    this.#chars += value.length;
  }

  #dispatch(): ServerEvent | undefined {
    const [name, data] = [this.#name || "message", this.#data];
    this.#name = "";
    this.#data = [];
    this.#chars = 0;
    return data.length === 0 ? undefined : { id: this.#id, name, data: data.join("\n") };
  }
}

/** Tells that nothing came for so long that the connection must be gone; heartbeats count as something. */
export class SilentStream extends Error {}

/**
 * Yield the events of a body, those of one piece together. Throws what reading throws, and SilentStream.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<ServerEvent[], void, void> {
  const reader = body.getReader();
  const [decoder, parser] = [new TextDecoder(), new EventParser()];
  try {
    for (;;) {
      const { done, value } = await within(silenceMs, reader.read());
      if (done) return;
      const events = parser.push(decoder.decode(value, { stream: true }));
      if (events.length > 0) yield events;
    }
  } finally {
    // Whoever stops reading, for whatever reason, gives the connection back.
    reader.cancel().catch(() => undefined);
  }
}

/** Wait for a promise, so long at most. Throws SilentStream then. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilentStream(`nothing came for ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}
