// The page's scripts without a page: events, invocations, log lines, payloads; run by test_page_scripts.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import { pieces, plain } from "../../../web_assets/worker/ansi.ts";
import { invoke } from "../../../web_assets/worker/invocation.ts";
import { asText, isWanted, LogBuffer, occurrences, severityOf } from "../../../web_assets/worker/logs.ts";
import { mistakeIn } from "../../../web_assets/worker/payload.ts";
import { EventParser, readEvents, SilentStream } from "../../../web_assets/worker/sse.ts";
import { written } from "../../../web_assets/worker/telling.ts";

const encoder = new TextEncoder();
const LONG_MS = 10_000;

// --- Server-sent events

test("events are the same wherever their text is cut, and whichever way its lines end", () => {
  const text = ": open\n\nevent: log\nid: inv:1\ndata: {\"a\": 1}\n\n: heartbeat\n\ndata:two\ndata: lines\n\nid: inv:3\nevent: result\ndata\n\n";
  const expected = [
    { id: "inv:1", name: "log", data: '{"a": 1}' },
    { id: "inv:1", name: "message", data: "two\nlines" },
    { id: "inv:3", name: "result", data: "" },
  ];
  for (const end of ["\n", "\r\n", "\r"]) {
    const written = `${text.replaceAll("\n", end)}${end === "\r" ? ": more" : ""}`;
    for (let size = 1; size <= written.length; size++) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < written.length; at += size) events.push(...parser.push(written.slice(at, at + size)));
      assert.deepEqual(events, expected, `${JSON.stringify(end)} in pieces of ${size}`);
    }
  }
});

test("an event that was not finished is none", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.push("event: log\ndata: 1\n"), []);
  assert.equal(parser.push("\n").length, 1);
});

test("an event without an end is not gathered for ever", () => {
  const parser = new EventParser();
  const piece = "x".repeat(1024 * 1024);
  assert.throws(() => {
    for (let n = 0; n < 10; n++) parser.push(n === 0 ? `data: ${piece}` : piece);
  }, /no end/);
  const lines = new EventParser();
  assert.throws(() => {
    for (let n = 0; n < 10; n++) lines.push(`data: ${piece}\n`);
  }, /no end/);
});

test("characters may be cut in the middle", async () => {
  const bytes = encoder.encode("data: 日本 🎉\n\n");
  const events = [];
  for await (const some of readEvents(bodyOf([...bytes].map((byte) => Uint8Array.of(byte))), LONG_MS)) events.push(...some);
  assert.deepEqual(events, [{ id: "", name: "message", data: "日本 🎉" }]);
});

test("a stream that is silent for too long counts as cut, and its connection is given back", async () => {
  let isCancelled = false;
  const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
  await assert.rejects(async () => {
    for await (const _ of readEvents(body, 20)) assert.fail("nothing was sent");
  }, SilentStream);
  assert.equal(isCancelled, true);
});

// --- Invocations

test("a call is told line by line and then its result", async () => {
  const net = network([stream(events(0, 3) + resultEvent(4))]);
  const told = await all(call(), net);
  assert.deepEqual(told.map((it) => it.kind), ["begun", "lines", "result"]);
  assert.deepEqual(messages(told), ["line 1", "line 2", "line 3"]);
  assert.deepEqual(told.at(-1), { kind: "result", value: { ok: true }, duration: 12 });
  const [{ url, options }] = net.requests;
  assert.deepEqual([url, options.method, options.body], ["/api/workers/wrk/invoke/a%2Fb", "POST", '{"n":1}']);
  assert.equal(options.headers["X-Form-Key"], "key");
});

test("a stream that is cut goes on behind the last event that was seen", async () => {
  const net = network([
    stream(events(0, 2), "cut"),
    new TypeError("the network is away"),
    answer(503, { error: { code: "request:overloaded", message: "later" } }),
    stream(events(3, 5), "end"),
    stream(resultEvent(6)),
  ]);
  const told = await all(call(), net);
  assert.deepEqual(messages(told), ["line 1", "line 2", "line 3", "line 4", "line 5"]);
  assert.equal(told.at(-1).kind, "result");
  assert.deepEqual(net.requests.map(({ url, options }) => [options.method ?? "GET", url, options.headers["Last-Event-ID"]]), [
    ["POST", "/api/workers/wrk/invoke/a%2Fb", undefined],
    ["GET", "/api/workers/wrk/invocations/inv_1/events", "inv_1:2"],
    ["GET", "/api/workers/wrk/invocations/inv_1/events", "inv_1:2"],
    ["GET", "/api/workers/wrk/invocations/inv_1/events", "inv_1:2"],
    ["GET", "/api/workers/wrk/invocations/inv_1/events", "inv_1:5"],
  ]);
  assert.deepEqual(net.pauses, [0, 500, 1000, 0]);
});

test("an event that comes twice is told once", async () => {
  const net = network([stream(events(0, 4), "cut"), stream(events(1, 6) + events(2, 3) + resultEvent(7))]);
  assert.deepEqual(messages(await all(call(), net)), [1, 2, 3, 4, 5, 6].map((n) => `line ${n}`));
});

test("a connection that cannot be made again is given up, and the call is not sent twice", async () => {
  const net = network([stream(events(0, 1), "cut"), new TypeError("away")]);
  const told = await all(call(), net);
  assert.equal(told.at(-1).kind, "lost");
  assert.match(told.at(-1).message, /may still run/);
  assert.equal(net.requests.filter(({ options }) => options.method === "POST").length, 1);
  assert.ok(net.requests.length < 10);
});

test("events that are kept no more end it, in the server's words", async () => {
  const gone = answer(410, { error: { code: "invocation:events-gone", message: "kept no more" } });
  const told = await all(call(), network([stream(events(0, 1), "cut"), gone]));
  assert.deepEqual(told.at(-1), { kind: "lost", message: "kept no more" });
});

test("what the worker or we refuse is told with its words", async () => {
  const thrown = { success: false, error: { name: "InvalidPayload", message: "<script>", stack: "at a" } };
  assert.deepEqual(await all(call(), network([answer(400, thrown)])), [{ kind: "failed", error: thrown.error }]);
  const ours = { error: { code: "worker:expired", message: "it has expired", details: {} } };
  assert.deepEqual(await all(call(), network([answer(410, ours)])), [
    { kind: "refused", status: 410, message: "it has expired" },
  ]);
  const [told] = await all(call(), network([new Response("<h1>Bad gateway</h1>", { status: 502 })]));
  assert.deepEqual(told, { kind: "refused", status: 502, message: "The server answered 502." });
  const [lost] = await all(call(), network([new TypeError("Failed to fetch")]));
  assert.equal(lost.kind, "lost");
});

test("whose sign-in has ended is told so, and not what programs have to send", async () => {
  const ours = { error: { code: "request:unauthenticated", message: "send Authorization: Bearer", details: {} } };
  const [told] = await all(call(), network([answer(401, ours)]));
  assert.deepEqual([told.kind, told.status], ["refused", 401]);
  assert.match(told.message, /^Your sign-in has ended\./);
  const theirs = { success: false, error: { name: "NoKey", message: "bear one" } };
  const [thrown] = await all(call(), network([answer(401, theirs)]));
  assert.equal(thrown.error.message, "bear one");
});

test("an error event is told with its stack", async () => {
  const error = { name: "TypeError", message: "no", stack: "TypeError: no\n    at hello" };
  const net = network([stream(`event: error\nid: inv_1:1\ndata: ${JSON.stringify({ error })}\n\n`)]);
  assert.deepEqual((await all(call(), net)).at(-1), { kind: "failed", error, duration: undefined });
});

test("whatever an event says is text", async () => {
  const strange = [null, 0, -1.5, "x", [], [[1]], {}, { toString: 1, valueOf: 1 }, { length: 1e9 }, true];
  const bare = strange.map((value) => JSON.stringify(value));
  const fields = (names) => strange.map((value) => JSON.stringify(Object.fromEntries(names.map((name) => [name, value]))));
  const errors = [...bare, ...fields(["name", "message", "stack"])].map((error) => `{"error":${error},"duration":${error}}`);
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  for (const data of ["oops", deep, `{"message":${deep}}`, ...bare, ...fields(["level", "message", "timestamp"])]) {
    const net = network([stream(`event: log\nid: inv_1:1\ndata: ${data}\n\n${resultEvent(2)}`)]);
    const [, { lines: [line] }, end] = await all(call(), net);
    for (const part of [line.level, line.message, line.timestamp]) assert.equal(typeof part, "string");
    assert.equal(end.kind, "result");
  }
  for (const data of ["oops", deep, ...bare, ...errors]) {
    const [, { kind, error }] = await all(call(), network([stream(`event: error\nid: inv_1:1\ndata: ${data}\n\n`)]));
    assert.deepEqual([kind, typeof error.name, typeof error.message], ["failed", "string", "string"]);
    assert.ok(error.stack === undefined || typeof error.stack === "string");
    const [told] = await all(call(), network([new Response(data, { status: 500 })]));
    assert.equal(typeof (told.kind === "failed" ? told.error.name : told.message), "string");
  }
  assert.match(written(JSON.parse(deep), 2), /nested too deeply/);
});

test("a request that nobody answers in time is ended, the first and a later one", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  for (const before of [[], [stream(events(0, 1), "cut")]]) {
    const net = network([...before, new Promise(() => {})]);
    const waiting = new Promise((done) => (net.onFetch = (signal) => net.requests.length > before.length && done(signal)));
    void all(call(), net);
    const signal = await waiting;
    for (const [passed, isEnded] of [[29_999, false], [1, true]]) {
      await new Promise(setImmediate);
      context.mock.timers.tick(passed);
      await new Promise(setImmediate);
      assert.equal(signal.aborted, isEnded);
    }
  }
});

test("who stops reading is told nothing more", async () => {
  const controller = new AbortController();
  const net = network([stream(events(0, 1), "open")]);
  net.onFetch = (signal) => signal.addEventListener("abort", () => net.cut(new DOMException("aborted", "AbortError")));
  const told = [];
  for await (const it of invoke({ ...call(), signal: controller.signal }, net)) {
    told.push(it.kind);
    if (it.kind === "lines") controller.abort();
  }
  assert.deepEqual(told, ["begun", "lines"]);
});

// --- Logs

const line = (message, level = "log") => ({ level, message, timestamp: "2026-11-22T12:00:00.000Z" });

test("the newest lines are kept, and how many there were is known", () => {
  const buffer = new LogBuffer(3);
  assert.deepEqual(buffer.add([line("a"), line("b")]).map((it) => it.number), [1, 2]);
  assert.deepEqual(buffer.add(["c", "d", "e", "f"].map((it) => line(it))).map((it) => it.message), ["d", "e", "f"]);
  assert.deepEqual(buffer.lines.map((it) => it.number), [4, 5, 6]);
  assert.deepEqual([buffer.added, buffer.dropped], [6, 3]);
  buffer.clear();
  assert.deepEqual([buffer.added, buffer.dropped, buffer.lines.length], [0, 0, 0]);
});

test("no more characters are kept than may be, but always the last line", () => {
  const buffer = new LogBuffer(100, 50);
  buffer.add([line("x".repeat(30)), line("y".repeat(30)), line("z".repeat(80))]);
  assert.deepEqual(buffer.lines.map((it) => it.number), [3]);
});

test("a hundred thousand lines take little time and stay few", () => {
  const buffer = new LogBuffer();
  const began = performance.now();
  for (let n = 0; n < 1000; n++) buffer.add(Array.from({ length: 100 }, (_, at) => line(`${n} ${at}`)));
  assert.deepEqual([buffer.lines.length, buffer.dropped], [5000, 95_000]);
  assert.ok(performance.now() - began < 5000);
});

test("lines are found by level and by text, whatever its case and its colours", () => {
  const warning = line("\u001b[33mDisk\u001b[0m is FULL", "warn");
  assert.equal(isWanted(warning, { severity: 2, text: "disk is full" }), true);
  assert.equal(isWanted(warning, { severity: 3, text: "" }), false);
  assert.equal(isWanted(line("a"), { severity: 0, text: "b" }), false);
  assert.deepEqual(["trace", "log", "error", "constructor", "__proto__"].map(severityOf), [0, 1, 3, 1, 1]);
  assert.deepEqual(occurrences("aXbxX", "x"), [[1, 2], [3, 4], [4, 5]]);
  assert.deepEqual(occurrences("İİx", "x"), []);
  assert.equal(asText([warning]), "2026-11-22T12:00:00.000Z warn  \u001b[33mDisk\u001b[0m is FULL\n");
});

test("escape sequences of terminals are styles, or nothing", () => {
  assert.deepEqual(pieces("a\u001b[1;31mb\u001b[22mc\u001b[0md"), [
    { text: "a", styles: [] },
    { text: "b", styles: ["ansi-red", "ansi-bold"] },
    { text: "c", styles: ["ansi-red"] },
    { text: "d", styles: [] },
  ]);
  assert.equal(plain("\u001b]0;title\u0007x\u001b]8;;javascript:alert(1)\u001b\\y\u001b[2J\u001b[38;5;200mz\u0000\u0008"), "xyz");
  assert.deepEqual(pieces("\u001b[38;2;1;2;3;94mx"), [{ text: "x", styles: ["ansi-blue"] }]);
  assert.equal(plain("<script>\tאב\u202e 🎉"), "<script>\tאב\u202e 🎉");
  assert.equal(plain("x\u001b["), "x[");
});

// --- Payloads

test("a payload that is no JSON is told at its place", () => {
  const cases = [
    ["{", 1, 2, /ends too early/],
    ["x", 1, 1, /nothing that JSON knows/],
    ['{\n  "a": 1,\n  b: 2\n}', 3, 3, /nothing that JSON knows/],
    ['{"a": 1,}', 1, 9, /a name in double quotes is expected/],
    ["[1,2,]", 1, 6, /a value is expected/],
    ['{"a": tru }', 1, 7, /nothing that JSON knows/],
    ['"abc', 1, 1, /no end/],
    ["NaN", 1, 1, /nothing that JSON knows/],
    ['{"a":1}}', 1, 8, /nothing more is expected/],
    ["{\n'a': 1}", 2, 1, /double quotes/],
    ["[1 2]", 1, 4, /a comma or ]/],
    ['{"a" 1}', 1, 6, /a colon/],
    ["[}", 1, 2, /a value or ]/],
    ["1 // one", 1, 3, /no comments/],
    ["[01]", 1, 2, /nothing that JSON knows/],
    ['["a\nb"]', 1, 2, /no end/],
  ];
  for (const [text, ln, column, message] of cases) {
    const found = mistakeIn(text);
    assert.deepEqual([found.line, found.column], [ln, column], text);
    assert.match(found.message, message, text);
  }
});

test("any JSON is a payload, and so is nothing", () => {
  const texts = ["", "  \n", "null", "1e3", "-0.5", '"\\u00e4\\n"', "[]", "{}", '{"a": [1, {"b": null}]}', '"🎉"', " 7 "];
  for (const text of texts) assert.equal(mistakeIn(text), undefined, text);
});

test("what no engine takes and we would is told all the same", () => {
  assert.equal(mistakeIn("[".repeat(20_000)).line, 1);
});

// --- A network of answers that were prepared

function call() {
  const headers = { "X-Form-Key": "key" };
  return { base: "/api/workers/wrk", function: "a/b", payload: '{"n":1}', headers, signal: new AbortController().signal };
}

async function all(asked, net) {
  const told = [];
  for await (const it of invoke(asked, net)) told.push(it);
  return told;
}

function network(answers) {
  const net = { requests: [], pauses: [], onFetch: () => {}, cut: (error) => answers[0].break(error) };
  net.fetch = async (url, options) => {
    net.requests.push({ url, options });
    net.onFetch(options.signal);
    const given = answers[Math.min(net.requests.length, answers.length) - 1];
    if (given instanceof Error) throw given;
    return given.response ?? given;
  };
  net.pause = async (milliseconds) => void net.pauses.push(milliseconds);
  return net;
}

function stream(text, ending = "end") {
  let controller;
  const body = new ReadableStream({
    start: (given) => {
      controller = given;
      controller.enqueue(encoder.encode(text));
      if (ending === "end") controller.close();
    },
    pull: () => {
      if (ending === "cut") controller.error(new TypeError("network error"));
    },
  });
  const headers = { "content-type": "text/event-stream", "invocation-id": "inv_1" };
  return { response: new Response(body, { headers }), break: (error) => controller.error(error) };
}

function bodyOf(parts) {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}

function events(from, to) {
  let text = "";
  for (let n = from; n <= to; n++) {
    const data = n === 0 ? { invocation: "inv_1" } : line(`line ${n}`);
    text += `event: ${n === 0 ? "invocation" : "log"}\nid: inv_1:${n}\ndata: ${JSON.stringify(data)}\n\n`;
  }
  return text;
}

function resultEvent(n) {
  return `event: result\nid: inv_1:${n}\ndata: {"success":true,"result":{"ok":true},"duration":12}\n\n`;
}

function answer(status, body) {
  return Response.json(body, { status });
}

function messages(told) {
  return told.flatMap((it) => (it.kind === "lines" ? it.lines.map(({ message }) => message) : []));
}
