/** The app's server side: everything below /api/. All other paths are files of the page. */
import { createHandler } from "../functions_runtime/index.js"; // first: it listens to the console
import options from "../functions/options.json" with { type: "json" };
import { functions } from "./functions.ts";

export interface Env {
  /** The page's files; `env.ASSETS.fetch(request)` answers with one of them. */
  ASSETS?: { fetch(request: Request): Promise<Response> };
  /** What is deployed. Set by Branchline with every deployment, absent in `npm run dev`. */
  BRANCHLINE_COMMIT?: string;
  BRANCHLINE_ENVIRONMENT?: string;
  BRANCHLINE_DEPLOYMENT?: string;
}

type Route = (request: Request, env: Env) => Response | Promise<Response>;

/** Add your own here: a path and the function that answers it. */
const routes: Record<string, Route> = {
  "/api/hello": hello,
  "/api/version": version,
};

/** Greet the visitor named in `?name=`. */
function hello(request: Request): Response {
  const name = new URL(request.url).searchParams.get("name")?.trim().slice(0, 80);
  return Response.json({ message: `Hello, ${name || "world"}!` });
}

/** Tell which commit answers, and in which environment. */
function version(_request: Request, env: Env): Response {
  const body = {
    commit: env.BRANCHLINE_COMMIT ?? null,
    environment: env.BRANCHLINE_ENVIRONMENT ?? "development",
    deployment: env.BRANCHLINE_DEPLOYMENT ?? null,
  };
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

/** Answer whatever is not a call of a function in functions/. */
function answer(request: Request, env: Env): Response | Promise<Response> {
  const path = new URL(request.url).pathname;
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route) return route(request, env);
  return Response.json({ error: `nothing at ${path}` }, { status: 404 });
}

/** POST /api/invoke/{function} and GET /api/functions are the runtime's. */
export default createHandler(functions, { ...options, fallback: answer });
