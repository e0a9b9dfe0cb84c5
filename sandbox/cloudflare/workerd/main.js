/**
 * Main module of the one workerd process: the dispatch worker, byte for byte, and beside it the entrypoints
 * by which the sandbox runs user scripts. `dispatch.js` is copied in by the sandbox and knows nothing of this.
 */
import { WorkerEntrypoint, exports } from "cloudflare:workers";
import { Runtime } from "./runtime.js";

export { default } from "./dispatch.js";
export * from "./dispatch.js";

// namespace.js, behind env.NAMESPACE_*, runs in this isolate but cannot import from here.
const runtime = (globalThis[Symbol.for("branchline.runtime")] = new Runtime(exports));

/** What the API asks of the process. Only the API knows the token. */
export class Control extends WorkerEntrypoint {
  async fetch(request) {
    if (request.headers.get("authorization") !== `Bearer ${this.env.INTERNAL_TOKEN}`) {
      return new Response(null, { status: 403 });
    }
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return Response.json({ loaded: runtime.loaded.size });
    const { namespace, script, version } = await request.json();
    if (pathname === "/start") return Response.json(await this.start(namespace, script, version));
    await runtime.publish(this.env, namespace, script, version);
    return Response.json({ published: version });
  }

  /** Does this version start? Answers its handlers, or why not. */
  async start(namespace, script, id) {
    try {
      const version = await runtime.read(this.env, namespace, script, id);
      return { handlers: await runtime.handlers(this.env, version) };
    } catch (error) {
      return { error: String(error?.message ?? error) };
    }
  }
}

/** `env.ASSETS` of a user script. */
export class ScriptAssets extends WorkerEntrypoint {
  async fetch(request) {
    const { namespace, script, id } = this.ctx.props;
    const version = await runtime.read(this.env, namespace, script, id);
    return runtime.assets(this.env, version).fetch(request);
  }
}

/** Sends what a script logged and threw to the API, which keeps it. */
export class ScriptTail extends WorkerEntrypoint {
  async tail(traces) {
    const invocations = traces.filter(isWorthKeeping).map(describe);
    if (invocations.length === 0) return;
    const body = JSON.stringify({ ...this.ctx.props, invocations });
    await this.env.API.fetch("http://localhost/internal/invocations", { method: "POST", body });
  }
}

const isWorthKeeping = (trace) => trace.logs.length > 0 || trace.exceptions.length > 0;

const describe = (trace) => ({
  outcome: trace.outcome,
  timestamp: trace.eventTimestamp,
  method: trace.event?.request?.method ?? null,
  url: trace.event?.request?.url ?? null,
  status: trace.event?.response?.status ?? null,
  logs: trace.logs.map(({ level, message, timestamp }) => ({ level, message, timestamp })),
  exceptions: trace.exceptions.map(({ name, message, stack, timestamp }) => ({ name, message, stack, timestamp })),
});
