/** `POST /api/invoke/{function}`: reads the payload, runs the function, answers in one piece or as events. */
import { settled } from "./answers.js";
import { Failure } from "./errors.js";
import { EventStream } from "./events.js";
import { Invocation } from "./invocation.js";
import { readPayload } from "./json.js";
import { KeptLines } from "./lines.js";

/**
 * @typedef {import("./index.js").Call} Call
 */

/**
 * Call a function and answer. Throws a Failure when it is not called at all.
 * @param {Call} call
 * @param {string} name
 * @returns {Promise<Response>}
 */
export async function invoke(call, name) {
  const { request, names, settings } = call;
  if (!names.includes(name)) throw unknown(name, names);
  const answer = wantsEvents(request) ? asEvents : inOnePiece;
  const payload = await readPayload(request, settings.maxPayloadBytes);
  return answer(call, new Invocation(call, name), payload);
}

/**
 * @param {string} name
 * @param {readonly string[]} names
 */
function unknown(name, names) {
  const message = `there is no function ${name} here; there is ${names.join(", ") || "none at all"}`;
  return new Failure(404, "FunctionNotFound", message, { details: { functions: names } });
}

/**
 * A client that lost its stream and asks for the rest of it would run the function a second time without meaning to.
 * @param {Request} request
 */
function wantsEvents({ headers }) {
  if (!(headers.get("accept") ?? "").toLowerCase().includes("text/event-stream")) return false;
  if (!headers.has("last-event-id")) return true;
  const message = "an invocation cannot be taken up again at this address, and sending it again would run it again";
  throw new Failure(409, "NotResumable", message);
}

/**
 * @param {Call} call
 * @param {Invocation} invocation
 * @param {unknown} payload
 */
async function inOnePiece(call, invocation, payload) {
  const lines = new KeptLines(call.settings);
  const outcome = await invocation.run(payload, lines);
  return settled(invocation.functionName, outcome, lines.end());
}

// A compressing proxy would hold events back until a block is full.
const EVENT_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

/**
 * @param {Call} call
 * @param {Invocation} invocation
 * @param {unknown} payload
 */
function asEvents(call, invocation, payload) {
  const events = new EventStream(invocation.id, call.settings, () => invocation.abandon());
  void invocation.run(payload, events).then(({ error, result, duration }) => {
    if (error) events.end("error", JSON.stringify({ error }));
    else events.end("result", `{"success":true,"result":${result},"duration":${duration}}`);
  });
  return new Response(events.body, { headers: EVENT_HEADERS });
}
