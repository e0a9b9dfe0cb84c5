// Builds what pages load, from web_assets into a directory: `node scripts/build-assets.mjs TOOLS OUT`.
//
// Each file of web_assets that no other imports becomes one with a hash of its content in its name, by which
// browsers may keep it for ever; manifest.json says which. The same sources make the same bytes. TOOLS is where
// npm's packages are.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [tools, out] = process.argv.slice(2).map((path) => resolve(path));
const esbuild = createRequire(join(tools, "package.json"))("esbuild");

const sources = join(root, "web_assets");
const options = {
  absWorkingDir: root,
  nodePaths: [join(tools, "node_modules")],
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome109", "firefox115", "safari16.4"],
  loader: { ".svg": "copy" },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
};

/** Return the files of the folder itself that none of them imports. */
async function entryPoints() {
  const listed = await readdir(sources, { withFileTypes: true });
  const all = listed.filter((it) => it.isFile()).map((it) => join(sources, it.name)).sort();
  const { metafile } = await esbuild.build({ ...options, entryPoints: all, outdir: out, write: false });
  const imported = new Set(Object.values(metafile.inputs).flatMap((it) => it.imports.map((one) => resolve(root, one.path))));
  return all.filter((path) => !imported.has(path));
}

const entries = await entryPoints();
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const built = await esbuild.build({ ...options, entryPoints: entries, entryNames: "[name]-[hash]", outdir: out });
const names = Object.entries(built.metafile.outputs)
  .filter(([, output]) => output.entryPoint)
  .map(([path, output]) => [basename(output.entryPoint).replace(/\.ts$/, ".js"), basename(path)])
  .sort(([one], [other]) => (one < other ? -1 : 1));
await writeFile(join(out, "manifest.json"), JSON.stringify(Object.fromEntries(names), null, 2) + "\n");
