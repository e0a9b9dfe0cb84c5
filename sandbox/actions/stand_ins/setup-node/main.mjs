// Offers the sandbox's Node and, with `cache: npm`, the sandbox's npm cache.
import { appendFileSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const environment = process.env;
const input = (name) => (environment[`INPUT_${name.toUpperCase()}`] ?? "").trim();

function stop(message) {
  console.log(`::error::${message}`);
  process.exit(1);
}

function wantedVersion() {
  const file = input("node-version-file");
  if (input("node-version") || !file) return input("node-version");
  const path = resolve(environment.GITHUB_WORKSPACE, file);
  if (!existsSync(path)) stop(`The specified node version file at: ${path} does not exist`);
  const text = readFileSync(path, "utf8").trim();
  return file.endsWith("package.json") ? (JSON.parse(text).engines?.node ?? "") : text;
}

const wanted = wantedVersion();
const major = process.version.slice(1).split(".")[0];
if (/^v?\d/.test(wanted) && wanted.replace(/^v/, "").split(".")[0] !== major) {
  console.log(`Node ${wanted} was asked for; the sandbox has ${process.version} and uses that.`);
}
console.log(`node: ${process.version}`);
appendFileSync(environment.GITHUB_PATH, `${dirname(environment.RUNNER_NODE ?? process.execPath)}\n`);

let hit = "";
if (input("cache") && input("cache") !== "npm") stop(`The sandbox caches for npm only, not for '${input("cache")}'`);
if (input("cache") === "npm") {
  const lock = input("cache-dependency-path") || "package-lock.json";
  if (!/[*\n]/.test(lock) && !existsSync(resolve(environment.GITHUB_WORKSPACE, lock))) {
    stop("Dependencies lock file is not found in the workspace. Supported file patterns: package-lock.json");
  }
  const cache = environment.RUNNER_NPM_CACHE;
  const content = join(cache, "_cacache");
  hit = String(existsSync(content) && readdirSync(content).length > 0);
  console.log(hit === "true" ? "Cache restored" : "npm cache is not found");
  appendFileSync(environment.GITHUB_ENV, `npm_config_cache=${cache}\n`);
}
appendFileSync(environment.GITHUB_OUTPUT, `node-version=${process.version}\ncache-hit=${hit}\n`);
