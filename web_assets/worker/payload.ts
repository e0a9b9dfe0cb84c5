/**
 * A payload as somebody types it: JSON of any type, or nothing. What is no JSON is told at its place, before it is
 * sent; what a function makes of it is its own business.
 *
 * The engine decides what JSON is. Where it stops being JSON is found here, because engines tell that in words of
 * their own, or not at all.
 */

export interface Mistake {
  readonly message: string;
  /** From 0, in characters of the whole text. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** Return what is wrong with a payload, or nothing. */
export function mistakeIn(text: string): Mistake | undefined {
  if (text.trim() === "") return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const [offset, message] = firstProblem(text) ?? [0, error instanceof Error ? error.message : String(error)];
    const before = text.slice(0, offset).split("\n");
    return { message, offset, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  }
}

/** Return how a payload is sent: as it was typed, without the space around it. */
export function asSent(text: string): string {
  return text.trim();
}

/** What may come next. */
type Expected = "a value" | "a value or ]" | "a name in double quotes" | "a name in double quotes or }" | "a colon" | "a comma" | "nothing more";

const SPACE = /[ \t\r\n]*/y;
const TOKEN =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])|(?:true|false|null)(?!\w)|[{}[\],:]/y;

function firstProblem(text: string): [offset: number, message: string] | undefined {
  const open: string[] = [];
  let expected: Expected = "a value";
  for (let at = after(SPACE, text, 0); at < text.length; at = after(SPACE, text, at)) {
    const end = after(TOKEN, text, at);
    const token = text.slice(at, end);
    const next: Expected | undefined = token === "" ? undefined : follows(expected, token, open);
    if (next === undefined) return [at, token === "" ? unreadable(text.slice(at)) : wanted(expected, open)];
    expected = next;
    at = end;
  }
  return expected === "nothing more" ? undefined : [text.length, `it ends too early: ${wanted(expected, open)}`];
}

function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}

/** Return what may follow a token, or undefined when it may not stand there; `open` are the brackets around it. */
function follows(expected: Expected, token: string, open: string[]): Expected | undefined {
  const isValue = expected === "a value" || expected === "a value or ]";
  if (token === "}" || token === "]") return closed(expected, token, open);
  if (token === "{" || token === "[") {
    if (isValue) open.push(token);
    return isValue ? (token === "{" ? "a name in double quotes or }" : "a value or ]") : undefined;
  }
  if (token === ":") return expected === "a colon" ? "a value" : undefined;
  if (token === ",") return expected === "a comma" ? (open.at(-1) === "{" ? "a name in double quotes" : "a value") : undefined;
  if (isValue) return open.length > 0 ? "a comma" : "nothing more";
  return token.startsWith('"') && expected.startsWith("a name") ? "a colon" : undefined;
}

function closed(expected: Expected, token: string, open: string[]): Expected | undefined {
  const isPlace = expected === "a comma" || expected.endsWith(`or ${token}`);
  if (!isPlace || open.at(-1) !== (token === "}" ? "{" : "[")) return undefined;
  open.pop();
  return open.length > 0 ? "a comma" : "nothing more";
}

function wanted(expected: Expected, open: readonly string[]): string {
  const bracket = open.at(-1) === "{" ? "}" : "]";
  return `${expected === "a comma" ? `a comma or ${bracket}` : expected} is expected here`;
}

function unreadable(rest: string): string {
  if (rest.startsWith('"')) return "this text has no end, or a character that has to be written with \\";
  if (rest.startsWith("'")) return "texts stand in double quotes";
  if (/^\/[/*]/.test(rest)) return "JSON has no comments";
  return "this is nothing that JSON knows";
}
