import assert from "node:assert/strict";
import { test } from "node:test";

import { collect } from "../worker/functions.ts";
import worker from "../worker/index.ts";

const greet = () => "hello";
const part = () => "bye";

test("every file's functions can be called, by the names that they are exported under", () => {
  const collected = collect({ "../functions/a.ts": { greet, limit: 3 }, "../functions/b.ts": { part } });
  assert.deepEqual(Object.keys(collected), ["greet", "limit", "part"]);
  assert.equal(collected.greet, greet);
});

test("the default of a file has no name of its own", () => {
  assert.deepEqual(Object.keys(collect({ "../functions/a.ts": { default: greet, part } })), ["part"]);
});

test("index says what can be called, its default included", () => {
  const index = { default: greet };
  assert.equal(collect({ "../functions/a.ts": { part }, "../functions/index.ts": index }), index);
});

test("two functions of one name are refused", () => {
  const modules = { "../functions/a.ts": { greet }, "../functions/b.ts": { greet: part } };
  assert.throws(() => collect(modules), /greet is exported by .*a\.ts and by .*b\.ts/);
});

test("a name that every object has is a name like others", () => {
  const modules = { "../functions/a.ts": { toString: greet }, "../functions/b.ts": { part } };
  assert.deepEqual(Object.keys(collect(modules)), ["toString", "part"]);
});

test("calls of functions are answered by the runtime", async () => {
  const call = new Request("https://app.example/api/invoke/greet", { method: "POST" });
  const response = await worker.fetch(call, {}, { waitUntil() {} });
  assert.equal(response.status, 404);
  assert.equal((await response.json()).error.name, "FunctionNotFound");
});
