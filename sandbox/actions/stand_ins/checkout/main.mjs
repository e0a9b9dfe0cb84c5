// Fetches one commit (or a branch with its history) and checks it out, as actions/checkout does.
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";

const REFUSED = { lfs: "false", submodules: "false", "sparse-checkout": "", "ssh-key": "" };
const GIT_TIMEOUT_MILLISECONDS = 120_000;

const environment = process.env;
const input = (name) => (environment[`INPUT_${name.toUpperCase()}`] ?? "").trim();

function stop(message) {
  console.log(`::error::${message}`);
  process.exit(1);
}

function git(directory, ...args) {
  const { status, stdout, stderr, error } = spawnSync("git", ["-c", "safe.directory=*", ...args], {
    cwd: directory,
    encoding: "utf8",
    timeout: GIT_TIMEOUT_MILLISECONDS,
    env: { ...environment, GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" },
  });
  if (error || status !== 0) stop(`git ${args[0]} failed: ${error?.message ?? stderr.trim()}`);
  return stdout.trim();
}

function destination(path) {
  const directory = resolve(environment.GITHUB_WORKSPACE, path);
  const inside = relative(environment.GITHUB_WORKSPACE, directory);
  if (inside.startsWith("..") || isAbsolute(inside)) stop(`Repository path '${directory}' is not under the workspace`);
  mkdirSync(directory, { recursive: true });
  return directory;
}

// What to ask the server for, and what it is called here.
function wanted(repository, ref) {
  const isOwn = repository === environment.GITHUB_REPOSITORY;
  const asked = ref || (isOwn ? environment.GITHUB_SHA : "HEAD");
  if (/^[0-9a-f]{40}$/.test(asked)) return { source: asked, branch: isOwn && !ref ? ownBranch() : "" };
  if (asked.startsWith("refs/heads/")) return { source: asked, branch: asked.slice("refs/heads/".length) };
  if (asked.startsWith("refs/") || asked === "HEAD") return { source: asked, branch: "" };
  return { source: asked, branch: asked };
}

function ownBranch() {
  const ref = environment.GITHUB_REF ?? "";
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : "";
}

function fetch(directory, source, tracking) {
  const depth = Number(input("fetch-depth"));
  if (!Number.isInteger(depth) || depth < 0) stop(`fetch-depth '${input("fetch-depth")}' is not a number`);
  const everything = depth === 0 ? ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"] : [];
  const options = ["--quiet", "--no-recurse-submodules", depth ? `--depth=${depth}` : "--prune"];
  options.push(input("fetch-tags") === "true" ? "--tags" : "--no-tags");
  git(directory, "-c", "protocol.version=2", "fetch", ...options, "origin", ...everything, `+${source}:${tracking}`);
}

for (const [name, allowed] of Object.entries(REFUSED)) {
  if (input(name) && input(name) !== allowed) stop(`The sandbox's checkout does not know the input '${name}'`);
}
const repository = input("repository");
const { source, branch } = wanted(repository, input("ref"));
const directory = destination(input("path"));
const server = environment.GITHUB_SERVER_URL;
const credentials = Buffer.from(`x-access-token:${input("token")}`).toString("base64");
console.log(`::add-mask::${credentials}`);
console.log(`Syncing repository: ${repository}`);

git(directory, "init", "--quiet", "--initial-branch=main");
git(directory, "config", "remote.origin.url", `${server}/${repository}`);
git(directory, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
git(directory, "config", "gc.auto", "0");
git(directory, "config", `http.${server}/.extraheader`, `AUTHORIZATION: basic ${credentials}`);
const tracking = branch ? `refs/remotes/origin/${branch}` : "refs/remotes/origin/checkout";
fetch(directory, source, tracking);
git(directory, "checkout", "--quiet", "--force", ...(branch ? ["-B", branch] : ["--detach"]), tracking);
const commit = git(directory, "log", "-1", "--format=%H");
console.log(`HEAD is now at ${git(directory, "log", "-1", "--format=%h %s")}`);

if (input("persist-credentials") !== "true") {
  git(directory, "config", "--unset-all", `http.${server}/.extraheader`);
}
appendFileSync(environment.GITHUB_OUTPUT, `commit=${commit}\nref=${input("ref") || environment.GITHUB_REF}\n`);
appendFileSync(environment.GITHUB_STATE, `directory=${directory}\n`);
