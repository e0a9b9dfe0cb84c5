/**
 * What somebody typed and did not deploy yet: it is kept by the tab, so that a reload loses nothing.
 *
 * It never leaves the browser. Where nothing can be kept, a reload is as it was.
 */

export interface SourceFile {
  readonly path: string;
  readonly content: string;
}

/** Files as they were typed, on top of a version; the name is that of a worker that is yet to be. */
export interface Draft {
  readonly version: string;
  readonly files: readonly SourceFile[];
  readonly name?: string;
}

export class Drafts {
  readonly #storage: Storage;
  readonly #key: string;

  constructor(storage: Storage, key: string) {
    this.#storage = storage;
    this.#key = `branchline:code:${key}`;
  }

  keep(draft: Draft): void {
    try {
      this.#storage.setItem(this.#key, JSON.stringify(draft));
    } catch {
      // The tab's share is used up, or the browser keeps nothing.
    }
  }

  forget(): void {
    this.#storage.removeItem(this.#key);
  }

  found(): Draft | undefined {
    try {
      const draft = JSON.parse(this.#storage.getItem(this.#key) ?? "null") as unknown;
      return isDraft(draft) ? draft : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Tell whether files say the same, in whatever order they stand. */
export function areSame(ones: readonly SourceFile[], others: readonly SourceFile[]): boolean {
  const known = new Map(ones.map(({ path, content }) => [path, content]));
  return ones.length === others.length && others.every(({ path, content }) => known.get(path) === content);
}

function isDraft(value: unknown): value is Draft {
  const { version, files } = (value ?? {}) as Partial<Draft>;
  return (
    typeof version === "string" &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every((file: Partial<SourceFile>) => typeof file?.path === "string" && typeof file.content === "string")
  );
}
