/** Our own API, asked with the session's cookie, and with the form key by which it knows our pages. */
import type { SourceFile } from "./drafts.ts";

export interface Problem {
  readonly message: string;
  readonly file?: string | null;
  readonly line?: number | null;
  readonly column?: number | null;
}

export interface Deployed {
  readonly id: string;
  readonly slug: string;
  readonly url: string;
  readonly version: string;
  readonly functions: readonly string[];
}

/** The API's refusal: a stable code, a sentence, and facts. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }

  /** What a compiler has against the files. */
  get problems(): readonly Problem[] {
    return Array.isArray(this.details.errors) ? (this.details.errors as Problem[]) : [];
  }
}

const PATIENCE_MS = 60_000;

/** Return the headers that every request of our pages bears. */
export function headers(): Record<string, string> {
  const key = document.body.dataset.formKey;
  return key === undefined ? {} : { "X-Form-Key": key };
}

export async function createWorker(name: string, environment: string, files: readonly SourceFile[]): Promise<Deployed> {
  return (await ask("POST", "/api/workers", { name, environment, files })) as Deployed;
}

/** Put a new version up, over the version `replaces` and no other. */
export async function updateWorker(worker: string, files: readonly SourceFile[], replaces: string): Promise<Deployed> {
  const body = replaces === "" ? { files } : { files, replaces };
  return (await ask("PUT", `/api/workers/${encodeURIComponent(worker)}`, body)) as Deployed;
}

export async function versionFiles(worker: string, version: string): Promise<readonly SourceFile[]> {
  const path = `/api/workers/${encodeURIComponent(worker)}/versions/${encodeURIComponent(version)}`;
  return ((await ask("GET", path)) as { files: SourceFile[] }).files;
}

async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  const type: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: { ...headers(), ...type },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Refused(0, "page:no-answer", "Branchline does not answer. What you typed is safe here; try again.");
  }
  const told = (await answer.json().catch(() => ({}))) as { error?: Partial<Refused> };
  if (answer.ok) return told;
  const { code = "page:no-words", message = `Branchline answered ${answer.status}.`, details } = told.error ?? {};
  throw new Refused(answer.status, code, message, details);
}
