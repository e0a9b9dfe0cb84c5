// Keeps what `wrangler deploy` would upload in a directory, instead of uploading it anywhere.
//
// The pull request of a fork is built without a credential, so its wrangler is given this recorder to talk to: the part
// of Cloudflare's API that a deployment uses, on 127.0.0.1, for as long as wrangler runs. The directory becomes an
// artifact of the run. Whether any of it is ever shown is decided elsewhere and later, for this one commit, by somebody
// who may; everything is checked again there. The bounds here only say early what would be refused then.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const NAME = "fork";
const VERSION = 1;
const MAX_BYTES = 100 * 1024 * 1024;
const MAX_FILES = 20_000;
const BUCKET_FILES = 500;
const BUCKET_BYTES = 32 * 1024 * 1024;
const SESSION_SECONDS = 3600;
// What wrangler says of a file whose type it does not know.
const NO_TYPE = "application/null";

const SCRIPT = `/workers/dispatch/namespaces/${NAME}/scripts/${NAME}`;
const BASE = `/client/v4/accounts/${NAME}`;

/** Why a request is not taken: wrangler shows the message. */
class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The arguments of wrangler's for what it is to upload here. */
export const TARGET = { namespace: NAME, script: NAME };

/**
 * Run `deploy`, which is given a Cloudflare to upload to, and leave in `directory` what it uploaded.
 *
 * `upload.json` describes it; modules and assets lie beside it in files of their own. Returns how much it was, null
 * when nothing was uploaded.
 */
export async function record(directory, deploy) {
  rmSync(directory, { recursive: true, force: true });
  for (const folder of ["modules", "assets"]) mkdirSync(join(directory, folder), { recursive: true });
  const recording = new Recording(directory);
  const server = createServer((request, response) => respond(recording, request, response));
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  try {
    const apiBaseUrl = `http://127.0.0.1:${server.address().port}/client/v4`;
    await deploy({ apiBaseUrl, accountId: NAME, apiToken: "nothing-is-uploaded-from-a-fork" });
  } finally {
    server.close();
    server.closeAllConnections();
  }
  return recording.isComplete ? { files: recording.files, bytes: recording.bytes } : null;
}

// --- What was uploaded ------------------------------------------------------------------------------------------

/** What has come so far; the last script that was put is the one that is kept. */
class Recording {
  constructor(directory) {
    this.directory = directory;
    this.manifest = {};
    this.assets = new Map();
    this.modules = [];
    this.assetBytes = 0;
    this.isComplete = false;
  }

  get files() {
    return this.assets.size + this.modules.length;
  }

  get bytes() {
    return this.assetBytes + sum(this.modules.map(({ size }) => size));
  }

  /** Take an announcement of files and return those that are to be sent, in buckets. */
  announce(manifest) {
    this.manifest = manifest;
    const sizes = new Map(Object.values(manifest).map(({ hash, size }) => [hash, size]));
    check(sizes.size, sum([...sizes.values()]));
    return buckets([...sizes].filter(([hash]) => !this.assets.has(hash)));
  }

  get isWhole() {
    return Object.values(this.manifest).every(({ hash }) => this.assets.has(hash));
  }

  addAsset(hash, type, content) {
    if (this.assets.has(hash)) return;
    const file = `assets/${this.assets.size}`;
    this.assets.set(hash, { file, contentType: type === NO_TYPE ? null : type, size: content.length });
    this.assetBytes += content.length;
    this.#write(file, content);
  }

  startScript() {
    this.modules = [];
  }

  addModule(name, contentType, content) {
    const file = `modules/${this.modules.length}`;
    this.modules.push({ name, contentType, file, size: content.length });
    this.#write(file, content);
  }

  /** Write down what it all is. The token that closed the upload of the assets is of no use to anybody. */
  finish(metadata) {
    const { jwt: _, ...assets } = metadata.assets ?? {};
    const described = {
      version: VERSION,
      metadata: metadata.assets ? { ...metadata, assets } : metadata,
      modules: this.modules.map(({ name, contentType, file }) => ({ name, contentType, file })),
      assets: metadata.assets ? this.#describedAssets() : null,
    };
    this.#write("upload.json", JSON.stringify(described));
    this.isComplete = true;
  }

  #describedAssets() {
    return Object.entries(this.manifest).map(([path, { hash }]) => {
      const { contentType, file, size } = this.assets.get(hash);
      return { path, hash, contentType, file, size };
    });
  }

  #write(file, content) {
    check(this.files, this.bytes);
    writeFileSync(join(this.directory, file), content);
  }
}

function check(files, bytes) {
  if (files > MAX_FILES) throw new Refused(413, 10027, `a fork's upload may have at most ${MAX_FILES} files`);
  if (bytes > MAX_BYTES) throw new Refused(413, 10027, `a fork's upload may have at most ${MAX_BYTES} bytes`);
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Pairs of a hash and a size in groups of hashes, none too large for one request. */
function buckets(missing) {
  const found = [];
  let room = 0;
  for (const [hash, size] of missing) {
    if (found.length === 0 || found.at(-1).length === BUCKET_FILES || size > room) {
      found.push([]);
      room = BUCKET_BYTES;
    }
    found.at(-1).push(hash);
    room -= size;
  }
  return found;
}

// --- Cloudflare's API, as far as wrangler uses it ---------------------------------------------------------------

const ROUTES = {
  // That there is a script has wrangler ask for the secrets that its configuration requires.
  [`GET ${SCRIPT}`]: () => [200, { script: { id: NAME } }],
  [`POST ${SCRIPT}/assets-upload-session`]: openSession,
  "POST /workers/assets/upload": uploadBucket,
  [`PUT ${SCRIPT}`]: putScript,
};

async function respond(recording, request, response) {
  const [status, body] = await answer(recording, request).catch(refusal);
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
  request.resume(); // what was refused before its end still has to come, or the answer would not be read
}

async function answer(recording, request) {
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : "";
  if (request.method === "GET" && path.startsWith(`/workers/scripts/${NAME}/`)) {
    throw new Refused(404, 10007, "This Worker does not exist on your account.");
  }
  const route = ROUTES[`${request.method} ${path}`];
  if (!route) throw new Refused(404, 7003, `${request.method} ${pathname} is not part of a deployment through Branchline`);
  const [status, result] = await route(recording, request);
  return [status, { success: true, errors: [], messages: [], result }];
}

function refusal(error) {
  const { status = 500, code = 10000, message } = error;
  return [status, { success: false, errors: [{ code, message }], messages: [], result: null }];
}

async function openSession(recording, request) {
  const { manifest } = JSON.parse(await body(request));
  return [200, { jwt: token(), buckets: recording.announce(manifest) }];
}

async function uploadBucket(recording, request) {
  for (const [hash, part] of await form(request)) {
    const { type, content } = await partOf(part);
    recording.addAsset(hash, type, Buffer.from(content.toString("latin1"), "base64"));
  }
  return recording.isWhole ? [201, { jwt: token() }] : [202, {}];
}

async function putScript(recording, request) {
  const parts = await form(request);
  const metadata = JSON.parse((await partOf(parts.get("metadata"))).content);
  recording.startScript();
  for (const [name, part] of parts) {
    if (name === "metadata") continue;
    const { type, content } = await partOf(part);
    recording.addModule(name, type, content);
  }
  recording.finish(metadata);
  return [200, { id: NAME, etag: NAME, deployment_id: "0".repeat(32) }];
}

/** A token as wrangler reads it: it looks when it expires. */
function token() {
  const claims = { exp: Math.floor(Date.now() / 1000) + SESSION_SECONDS };
  return [{ alg: "none" }, claims, {}].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}

// --- Bodies -----------------------------------------------------------------------------------------------------

async function form(request) {
  const headers = { "content-type": request.headers["content-type"] ?? "" };
  return new Response(await body(request), { headers }).formData();
}

async function partOf(part) {
  if (typeof part === "string") return { type: "", content: Buffer.from(part) };
  return { type: part.type, content: Buffer.from(await part.arrayBuffer()) };
}

async function body(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    check(0, size);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
