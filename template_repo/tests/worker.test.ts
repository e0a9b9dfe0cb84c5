import assert from "node:assert/strict";
import { test } from "node:test";

import worker, { type Env } from "../worker/index.ts";

const execution = { waitUntil() {} };

async function get(path: string, env: Env = {}) {
  const response = await worker.fetch(new Request(`https://app.example${path}`), env, execution);
  return { status: response.status, body: await response.json() };
}

test("hello greets by name", async () => {
  assert.deepEqual(await get("/api/hello?name=Ada"), { status: 200, body: { message: "Hello, Ada!" } });
});

test("hello greets the world when nobody says who they are", async () => {
  assert.deepEqual(await get("/api/hello?name=%20"), { status: 200, body: { message: "Hello, world!" } });
});

test("version tells the deployed commit", async () => {
  const env = { BRANCHLINE_COMMIT: "abc", BRANCHLINE_ENVIRONMENT: "production", BRANCHLINE_DEPLOYMENT: "dpl_1" };
  const body = { commit: "abc", environment: "production", deployment: "dpl_1" };
  assert.deepEqual(await get("/api/version", env), { status: 200, body });
});

test("version says development when nothing was deployed", async () => {
  const body = { commit: null, environment: "development", deployment: null };
  assert.deepEqual(await get("/api/version"), { status: 200, body });
});

test("an unknown address below /api/ is a 404", async () => {
  assert.equal((await get("/api/toString")).status, 404);
});
