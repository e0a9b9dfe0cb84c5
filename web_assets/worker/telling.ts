/**
 * What code of others tells, read without trust: JSON in which nothing needs to be there, or of its usual type.
 */
const TOO_DEEP = "(nested too deeply to be shown; call the function with a program)";

/** Return what a text says in JSON; undefined when it says nothing. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Return what may be asked for its fields; what has none has none that are there. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Return what stands where a text is usual: nothing for nothing, and what is none as JSON. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : written(value);
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Write a value as JSON. */
export function written(value: unknown, indentation = 0): string {
  try {
    return JSON.stringify(value, null, indentation);
  } catch {
    return TOO_DEEP;
  }
}
