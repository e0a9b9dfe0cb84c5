/**
 * JSON in and out: a request's body as a function's argument, and what the function returned as text.
 */
import { Failure } from "./errors.js";

// --- In -------------------------------------------------------------------------------------------------

/**
 * Read a payload: JSON of any type, or undefined for a body that is empty. What the content type says is not asked
 * for: curl and forms are often wrong about it. Throws a Failure.
 * @param {Request} request
 * @param {number} most  bytes
 */
export async function readPayload(request, most) {
  const bytes = await readBody(request, most);
  return bytes.byteLength === 0 ? undefined : parse(bytes);
}

/**
 * @param {Request} request
 * @param {number} most
 */
async function readBody(request, most) {
  const declared = request.headers.get("content-length");
  if (Number(declared) > most) throw tooLarge(most);
  if (request.body === null) return new Uint8Array();
  return declared === null ? readUpTo(request.body, most) : new Uint8Array(await request.arrayBuffer());
}

/**
 * Read a body that did not say how long it is, and no further than it may be.
 * @param {ReadableStream<Uint8Array>} body
 * @param {number} most
 */
async function readUpTo(body, most) {
  const chunks = [];
  let size = 0;
  for await (const chunk of /** @type {any} */ (body)) {
    size += chunk.byteLength;
    if (size > most) throw tooLarge(most);
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** @param {number} most */
function tooLarge(most) {
  return new Failure(413, "PayloadTooLarge", `a payload has at most ${most} bytes`);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** @param {Uint8Array} bytes */
function parse(bytes) {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw new Failure(400, "InvalidPayload", `the body is not JSON: ${/** @type {Error} */ (error).message}`);
  }
}

// --- Out ------------------------------------------------------------------------------------------------

/**
 * Write a result as JSON does, with undefined as null. Throws a Failure for what JSON cannot hold, and for what it
 * would silently turn into `{}`.
 * @param {unknown} value
 * @returns {string}
 */
export function writeResult(value) {
  const kind = unwritable(value);
  if (kind) {
    void release(value);
    throw invalid(`the function returned ${kind}; a result is one JSON value`);
  }
  try {
    return JSON.stringify(value) ?? "null";
  } catch (error) {
    throw invalid(`the result cannot be written as JSON: ${messageOf(error)}`);
  }
}

/** @param {string} message */
function invalid(message) {
  return new Failure(500, "InvalidResult", message);
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @type {[string, (value: any) => boolean][]} */
const UNWRITABLE = [
  ["a Response, which only a Worker's fetch handler does", (value) => value instanceof Response],
  ["a ReadableStream, which may never end", (value) => value instanceof ReadableStream],
  ["an async iterator, which may never end", (value) => Symbol.asyncIterator in value],
  ["an iterator, which may never end", (value) => Symbol.iterator in value && typeof value.next === "function"],
  ["a Map (Object.fromEntries makes an object of it)", (value) => value instanceof Map],
  ["a Set (Array.from makes an array of it)", (value) => value instanceof Set],
  ["binary data", (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob],
  ["an Error; throw it", (value) => value instanceof Error],
];

/**
 * @param {unknown} value
 * @returns {string | undefined} what it is, when it is nothing that JSON can hold
 */
function unwritable(value) {
  if (typeof value === "bigint") return "a BigInt";
  if (typeof value === "symbol" || typeof value === "function") return `a ${typeof value}`;
  if (typeof value !== "object" || value === null || "toJSON" in value) return undefined;
  return UNWRITABLE.find(([, is]) => is(value))?.[0];
}

/**
 * End a stream or a generator that nobody will read.
 * @param {any} value
 */
async function release(value) {
  try {
    await (value instanceof Response ? value.body?.cancel() : (value.cancel?.() ?? value.return?.()));
  } catch {
    // It was somebody else's, or minds being ended; nobody waits for it.
  }
}
