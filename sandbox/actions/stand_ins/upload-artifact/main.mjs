// Finds files, zips them and uploads the zip, as actions/upload-artifact does.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { found, root } from "./files.mjs";
import { zipped } from "./zip.mjs";

const REFUSED = { overwrite: "false", archive: "true" };
const SERVICE = "twirp/github.actions.results.api.v1.ArtifactService";
const REQUEST_MILLISECONDS = 120_000;
const LAST_WORDS_MILLISECONDS = 200;
const DAY_MILLISECONDS = 24 * 3600 * 1000;

const environment = process.env;
const input = (name) => (environment[`INPUT_${name.toUpperCase()}`] ?? "").trim();

class Stop extends Error {}

async function send(url, options) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(REQUEST_MILLISECONDS) });
  const text = await response.text();
  if (!response.ok) throw new Stop(`Failed to upload the artifact: ${response.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

function call(method, message) {
  const headers = {
    authorization: `Bearer ${environment.ACTIONS_RUNTIME_TOKEN}`,
    "content-type": "application/json",
  };
  const url = `${environment.ACTIONS_RESULTS_URL}${SERVICE}/${method}`;
  return send(url, { method: "POST", headers, body: JSON.stringify({ version: 4, ...message }) });
}

function expiry() {
  const days = Number(input("retention-days"));
  if (!Number.isInteger(days) || days < 0) throw new Stop("Invalid retention-days");
  return days ? { expires_at: new Date(Date.now() + days * DAY_MILLISECONDS).toISOString() } : {};
}

function nothing(path) {
  const text = `No files were found with the provided path: ${path}. No artifacts will be uploaded.`;
  const choice = input("if-no-files-found");
  if (choice === "error") throw new Stop(text);
  if (choice !== "ignore" && choice !== "warn") throw new Stop(`Unrecognized if-no-files-found: ${choice}`);
  console.log(choice === "warn" ? `::warning::${text}` : text);
}

async function upload(name, archive) {
  const { signed_upload_url: url } = await call("CreateArtifact", { name, ...expiry() });
  await send(url, { method: "PUT", headers: { "content-type": "application/zip" }, body: archive });
  const digest = createHash("sha256").update(archive).digest("hex");
  const { artifact_id: id } = await call("FinalizeArtifact", {
    name,
    size: String(archive.length),
    hash: `sha256:${digest}`,
  });
  const page = `${environment.GITHUB_SERVER_URL}/${environment.GITHUB_REPOSITORY}/actions/runs`;
  const address = `${page}/${environment.GITHUB_RUN_ID}/artifacts/${id}`;
  console.log(`Artifact ${name} (${archive.length} bytes, sha256 ${digest}) has been uploaded with the ID ${id}`);
  appendFileSync(
    environment.GITHUB_OUTPUT,
    `artifact-id=${id}\nartifact-url=${address}\nartifact-digest=${digest}\n`,
  );
}

async function main() {
  for (const [name, allowed] of Object.entries(REFUSED)) {
    if (input(name) && input(name) !== allowed) {
      throw new Stop(`The sandbox's upload-artifact does not know the input '${name}'`);
    }
  }
  const patterns = input("path");
  const includesHidden = input("include-hidden-files") === "true";
  const { files, roots } = found(patterns, environment.GITHUB_WORKSPACE, includesHidden);
  if (!files.length) return nothing(patterns);
  const start = root(roots, files);
  console.log(`With the provided path, there will be ${files.length} file(s) uploaded`);
  const entries = files.map((path) => [relative(start, path), readFileSync(path)]);
  return upload(input("name"), zipped(entries, Number(input("compression-level"))));
}

try {
  await main();
} catch (error) {
  console.log(`::error::${error.message}`);
  await pause(LAST_WORDS_MILLISECONDS); // act does not wait for what a failing step still has to say
  process.exitCode = 1;
}
