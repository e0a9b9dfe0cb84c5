// Completes a package-lock.json whose registry does not carry every platform's build of a package.
//
//     node scripts/complete-lock.mjs path/to/package-lock.json
//
// Packages such as workerd ship one optional package per platform. npm leaves out those that its registry
// lacks, and `npm ci` then refuses the lock on every machine: "Missing: ... from lock file". This adds an entry
// for each of them, marked with its platform, so that npm skips it everywhere else and, where it is the right
// platform, fetches it from that machine's registry.
//
// What it does not do: it invents no checksum (the added entries have none), it fetches nothing, and it changes
// no entry that is already there.

import { readFileSync, writeFileSync } from "node:fs";

const OPERATING_SYSTEMS = { darwin: "darwin", freebsd: "freebsd", linux: "linux", win32: "win32", windows: "win32" };
const PROCESSORS = { arm64: "arm64", arm: "arm", ia32: "ia32", x64: "x64", 64: "x64" };

/** The value in `table` for the first of the name's words that it knows: "@cloudflare/workerd-darwin-64" -> "darwin". */
function platformWord(name, table) {
  const word = name.split(/[/@_-]/).find((candidate) => Object.hasOwn(table, candidate));
  return word === undefined ? undefined : table[word];
}

/** Whether `name`, required from the package at `path`, is found by Node's walk up through node_modules. */
function isResolved(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, folder.lastIndexOf("/node_modules/"))) {
    const prefix = folder === "" ? "" : `${folder}/`;
    if (packages[`${prefix}node_modules/${name}`]) return true;
    if (!folder.includes("/node_modules/")) return packages[`node_modules/${name}`] !== undefined;
  }
}

/** The lock's entry for a platform package that the registry did not know. */
function platformEntry(name, version, parent) {
  const os = platformWord(name, OPERATING_SYSTEMS);
  const cpu = platformWord(name, PROCESSORS);
  const isExact = /^\d+\.\d+\.\d+/.test(version);
  if (!os || !cpu || !isExact) throw new Error(`cannot complete ${name}@${version}: not an exact platform build`);
  return { version, cpu: [cpu], ...(parent.dev && { dev: true }), optional: true, os: [os] };
}

/** Every [path, entry] that is missing from the lock's packages. */
function* missingEntries(packages) {
  for (const [path, parent] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (!isResolved(packages, path, name)) yield [`node_modules/${name}`, platformEntry(name, version, parent)];
    }
  }
}

function main(file) {
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = [...missingEntries(lock.packages)];
  for (const [path, entry] of missing) console.log(`added ${path}@${entry.version}`);
  const entries = [...Object.entries(lock.packages), ...missing];
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}

main(process.argv[2]);
