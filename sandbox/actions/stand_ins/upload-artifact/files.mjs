// Which files the input `path` means, and which directory their names in the zip are relative to.
import { lstatSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";

const WILDCARD = /[*?[]/;
const MEANING = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" };

// The files that the patterns mean, one to a line, `!` in front of what is left out; and where each search began.
export function found(patterns, workspace, includesHidden) {
  const lines = patterns.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const wanted = lines.filter((line) => !line.startsWith("!"));
  const unwanted = lines.filter((line) => line.startsWith("!")).map((line) => expression(line.slice(1), workspace));
  const roots = wanted.map((line) => resolve(workspace, fixedPart(line)));
  const files = wanted.flatMap((line, index) => {
    const pattern = expression(line, workspace);
    const meant = filesBelow(roots[index]).filter((path) => pattern.test(path));
    return meant.filter((path) => includesHidden || !isHidden(path, roots[index]));
  });
  const left = files.filter((path) => !unwanted.some((pattern) => pattern.test(path)));
  return { files: [...new Set(left)].sort(), roots };
}

// The directory that names in the zip are relative to: of one file its own, else what all searches share.
export function root(roots, files) {
  const paths = roots.map((path) => path.split(sep));
  const depth = paths[0].findIndex((part, index) => paths.some((path) => path[index] !== part));
  const shared = (depth < 0 ? paths[0] : paths[0].slice(0, depth)).join(sep) || sep;
  return files.includes(shared) ? dirname(shared) : shared;
}

function fixedPart(pattern) {
  const parts = pattern.split("/");
  const first = parts.findIndex((part) => WILDCARD.test(part));
  return (first < 0 ? parts : parts.slice(0, first)).join("/") || (pattern.startsWith("/") ? "/" : ".");
}

// What a pattern matches, and everything below that.
function expression(pattern, workspace) {
  const path = resolve(workspace, pattern.trim());
  const source = path.replace(/\*\*\/|\*\*|[*?]|[.+^${}()|\\]/g, (found) => MEANING[found] ?? `\\${found}`);
  return new RegExp(`^${source}(?:/.*)?$`);
}

// Links to directories are not followed: they may lead in a circle.
function filesBelow(path) {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts?.isDirectory()) return facts?.isFile() ? [path] : [];
  if (lstatSync(path).isSymbolicLink()) return [];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

function isHidden(path, start) {
  return [basename(start), ...relative(start, path).split(sep)].some((part) => part.startsWith("."));
}
