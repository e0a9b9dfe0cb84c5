/**
 * Runs user scripts in isolates of this process, loaded when they are first asked for.
 *
 * The disk is the truth: `script.json` names the live version, `versions/{id}/version.json` describes it,
 * and neither a version nor a module ever changes once written. The API pushes each new version here before
 * it answers an upload, so what was acknowledged is what runs; what was never pushed is read on first use.
 *
 * What it does not do: limit CPU or memory. A script that never yields stalls them all until the API, which
 * watches, starts the process again.
 */
import { routerOf, assetsOf } from "./assets.js";

// An idle isolate takes 1.5 to 2.5 MB, and workerd never unloads one by itself. Loading it again takes milliseconds.
const MOST_ISOLATES = 200;
const MOST_VERSIONS = 5000;

// Main module of every user script: theirs, and a door through which we ask what it exports and end it.
const MAIN = "__branchline_main.js";
const DOOR = "__BranchlineDoor";
const mainModule = (main) => `
import * as script from ${JSON.stringify("./" + main)};
import { WorkerEntrypoint, abortIsolate } from "cloudflare:workers";
export * from ${JSON.stringify("./" + main)};
export default script.default;
export class ${DOOR} extends WorkerEntrypoint {
  handlers() {
    const handler = script.default;
    const names = typeof handler === "function" ? Object.getOwnPropertyNames(handler.prototype ?? {}) : Object.keys(handler ?? {});
    return names.filter((name) => name !== "constructor");
  }
  end() { abortIsolate("branchline: this isolate is superseded"); }
}`;

export class Runtime {
  /** Live version of each script by "namespace/script"; null where there is none. Oldest use first. */
  live = new Map();
  /** Ids of the isolates in this process. Oldest use first. */
  loaded = new Map();

  constructor(exports) {
    this.exports = exports;
  }

  async dispatch(bindings, namespace, script, request) {
    const version = await this.resolve(bindings, namespace, script);
    if (version === null) throw new Error("Worker not found.");
    const worker = { fetch: async (input) => (await this.load(bindings, version)).getEntrypoint().fetch(input) };
    if (!version.assets) return worker.fetch(request);
    return routerOf(version, this.assets(bindings, version), worker).fetch(request);
  }

  /** The version that is live, from memory or from disk. */
  async resolve(bindings, namespace, script) {
    const key = `${namespace}/${script}`;
    if (!this.live.has(key)) {
      const version = await this.readLive(bindings, namespace, script);
      // A push that came while we were reading knows better.
      if (!this.live.has(key)) this.live.set(key, version);
    }
    const version = this.live.get(key);
    this.live.delete(touch(this.live, key, version, MOST_VERSIONS));
    return version;
  }

  async readLive(bindings, namespace, script) {
    const found = await readJson(bindings, `${folder(namespace, script)}/script.json`);
    return found && this.read(bindings, namespace, script, found.version);
  }

  async read(bindings, namespace, script, id) {
    const key = `${namespace}/${script}`;
    const live = this.live.get(key);
    if (live?.id === id) return live;
    const path = `${folder(namespace, script)}/versions/${id}`;
    const version = await readJson(bindings, `${path}/version.json`);
    if (version === null) throw new Error(`version ${id} of ${key} is not on disk`);
    const manifest = version.assets && (await readJson(bindings, `${path}/manifest.json`));
    return { ...version, namespace, script, path, manifest, attempt: 0 };
  }

  /** Make a version the live one (null: none), and end the isolate of the one before. */
  async publish(bindings, namespace, script, id) {
    const key = `${namespace}/${script}`;
    const before = this.live.get(key);
    this.live.set(key, id === null ? null : await this.read(bindings, namespace, script, id));
    if (before && before.id !== id) await this.end(bindings, isolateOf(before));
  }

  /** The names of a version's handlers. Asking for them starts it. */
  async handlers(bindings, version) {
    return (await this.load(bindings, version)).getEntrypoint(DOOR).handlers();
  }

  assets(bindings, version) {
    return assetsOf(version, bindings.DISK);
  }

  async load(bindings, version) {
    const isolate = isolateOf(version);
    const oldest = touch(this.loaded, isolate, true, MOST_ISOLATES);
    if (oldest !== undefined) await this.end(bindings, oldest);
    return bindings.LOADER.get(isolate, () => this.code(bindings, version));
  }

  async code(bindings, version) {
    try {
      const modules = Object.fromEntries(
        await Promise.all(version.modules.map(async (module) => [module.name, await readModule(bindings, version, module)])),
      );
      modules[MAIN] = { js: mainModule(version.main_module) };
      return {
        compatibilityDate: version.compatibility_date,
        compatibilityFlags: version.compatibility_flags,
        mainModule: MAIN,
        modules,
        env: this.environment(version),
        globalOutbound: bindings.INTERNET,
        tails: [this.exports.ScriptTail({ props: propsOf(version) })],
      };
    } catch (error) {
      version.attempt++; // the loader remembers a failed load under its id for ever
      throw error;
    }
  }

  environment(version) {
    return Object.fromEntries(version.bindings.map((binding) => [binding.name, this.bindingValue(version, binding)]));
  }

  bindingValue(version, binding) {
    switch (binding.type) {
      case "plain_text":
      case "secret_text":
        return binding.text;
      case "json":
        return binding.json;
      case "assets":
        return this.exports.ScriptAssets({ props: propsOf(version) });
      case "version_metadata":
        return { id: version.id, tag: version.tag ?? "", timestamp: version.created_on };
      default:
        throw new Error(`binding ${binding.name} has the unknown type ${binding.type}`);
    }
  }

  /** End an isolate. Requests that already run in it finish first. */
  async end(bindings, isolate) {
    if (!this.loaded.delete(isolate)) return;
    const gone = () => {
      throw new Error("not loaded");
    };
    try {
      await bindings.LOADER.get(isolate, gone).getEntrypoint(DOOR).end();
    } catch {
      // That is how an ended isolate answers.
    }
  }
}

const folder = (namespace, script) => `namespaces/${namespace}/scripts/${script}`;
const isolateOf = (version) => `${version.namespace}.${version.script}.${version.id}.${version.attempt}`;
const propsOf = ({ namespace, script, id }) => ({ namespace, script, id });

/** Marks a key as used last; answers the key used longest ago when there is one too many. */
function touch(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  return map.size > most ? map.keys().next().value : undefined;
}

async function readJson(bindings, path) {
  const response = await bindings.DISK.fetch(`http://disk/${path}`);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`reading ${path}: HTTP ${response.status}`);
  return response.json();
}

async function readModule(bindings, version, { type, file }) {
  const path = `${version.path}/modules/${file}`;
  const response = await bindings.DISK.fetch(`http://disk/${path}`);
  if (!response.ok) throw new Error(`reading ${path}: HTTP ${response.status}`);
  switch (type) {
    case "wasm":
    case "data":
      return { [type]: await response.arrayBuffer() };
    case "json":
      return { json: await response.json() };
    default:
      return { [type]: await response.text() };
  }
}
