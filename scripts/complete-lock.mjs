// Adds the platform builds of a package that the lock lacks when the registry at hand does not carry them.
// npm ci refuses a lock in which an optional dependency is missing, whatever the platform.
import fs from "node:fs";
const f = process.argv[2]; const lock = JSON.parse(fs.readFileSync(f)); const P = lock.packages;
const OS = {darwin:"darwin", windows:"win32", win32:"win32", linux:"linux"};
for (const [k, p] of Object.entries({...P})) for (const [n, v] of Object.entries(p.optionalDependencies ?? {})) {
  const key = "node_modules/" + n; if (P[key] || P[k + "/" + key]) continue;
  console.log("missing", n, v);
  const os = n.match(/darwin|windows|win32|linux/)?.[0]; const cpu = /arm64/.test(n) ? "arm64" : "x64";
  if (!os || !/^\d/.test(v)) continue;
  P[key] = { version: v, cpu: [cpu], dev: true, optional: true, os: [OS[os]] };
}
lock.packages = Object.fromEntries(Object.entries(P).sort(([a], [b]) => a < b ? -1 : 1));
fs.writeFileSync(f, JSON.stringify(lock, null, 2) + "\n");
