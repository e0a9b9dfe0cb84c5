/**
 * Lines of a log: the newest ones, and those among them that somebody looks for.
 *
 * Nothing here knows the page; `log_view.ts` shows what is here.
 */
import { plain } from "./ansi.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly timestamp: string;
}

/** A line and the number by which it is known, from 1. */
export interface KeptLine extends LogLine {
  readonly number: number;
}

const MOST_LINES = 5000;
const MOST_CHARS = 8 * 1024 * 1024;

/** Keeps the newest lines: so many, and so many characters. */
export class LogBuffer {
  #lines: KeptLine[] = [];
  #chars = 0;
  #added = 0;
  readonly #mostLines: number;
  readonly #mostChars: number;

  constructor(mostLines = MOST_LINES, mostChars = MOST_CHARS) {
    this.#mostLines = mostLines;
    this.#mostChars = mostChars;
  }

  get lines(): readonly KeptLine[] {
    return this.#lines;
  }

  /** How many lines there ever were. */
  get added(): number {
    return this.#added;
  }

  /** How many of them are kept no more. */
  get dropped(): number {
    return this.#added - this.#lines.length;
  }

  /** Keep more lines and let go of the oldest; return those that are new and still kept. */
  add(lines: readonly LogLine[]): readonly KeptLine[] {
    const before = this.#added;
    for (const line of lines) {
      this.#lines.push({ ...line, number: ++this.#added });
      this.#chars += line.message.length;
    }
    this.#letGo();
    return this.#lines.slice(Math.max(0, this.#lines.length - (this.#added - before)));
  }

  clear(): void {
    this.#lines = [];
    this.#chars = 0;
    this.#added = 0;
  }

  #letGo(): void {
    let gone = 0;
    while (this.#lines.length - gone > this.#mostLines || (this.#chars > this.#mostChars && gone + 1 < this.#lines.length)) {
      this.#chars -= this.#lines[gone++]?.message.length ?? 0;
    }
    if (gone > 0) this.#lines.splice(0, gone);
  }
}

const SEVERITIES: Readonly<Record<string, number>> = { trace: 0, debug: 0, log: 1, info: 1, warn: 2, error: 3 };

/** How much a line matters, from 0 to 3; what nobody knows counts as an ordinary line. */
export function severityOf(level: string): number {
  return Object.hasOwn(SEVERITIES, level) ? (SEVERITIES[level] ?? 1) : 1;
}

/** Which lines are shown: from a severity on, and with a text in them, whatever its case. */
export interface Wanted {
  readonly severity: number;
  readonly text: string;
}

export function isWanted(line: LogLine, { severity, text }: Wanted): boolean {
  if (severityOf(line.level) < severity) return false;
  return text === "" || plain(line.message).toLowerCase().includes(text.toLowerCase());
}

/** Write lines for a file, as they were said. */
export function asText(lines: readonly LogLine[]): string {
  return lines.map(({ timestamp, level, message }) => `${timestamp} ${level.padEnd(5)} ${message}\n`).join("");
}

/** Return where a text is found in another, whatever its case. */
export function occurrences(text: string, looked: string): [start: number, end: number][] {
  const found: [number, number][] = [];
  const [lower, needle] = [text.toLowerCase(), looked.toLowerCase()];
  // Lower case may be longer than upper case ("İ"); places would be wrong then.
  if (needle === "" || lower.length !== text.length) return found;
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, at + needle.length)) {
    found.push([at, at + needle.length]);
  }
  return found;
}
