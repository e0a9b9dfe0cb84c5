// A part of a page, fetched again and put in its place.
import { offerCopies } from "./copying";
import { refreshTimes } from "./times";

export type Fetched = { readonly kind: "new"; readonly html: string; readonly etag: string } | { readonly kind: "same" | "ended" | "gone" | "away" };

/** Fetch a part, if it is another than the one with this ETag. `ended` is the sign-in, `away` what may come back. */
export async function fetchPart(url: string, etag: string, mostMs: number): Promise<Fetched> {
  const headers: Record<string, string> = etag === "" ? {} : { "If-None-Match": etag };
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(mostMs), redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) return { kind: "ended" };
    if (answer.status === 404 || answer.status === 410) return { kind: "gone" };
    if (answer.status === 304) return { kind: "same" };
    if (!answer.ok) return { kind: "away" };
    return { kind: "new", html: await answer.text(), etag: answer.headers.get("ETag") ?? "" };
  } catch {
    return { kind: "away" };
  }
}

export function putIn(element: HTMLElement, html: string): void {
  element.innerHTML = html; // our own template, in which the text of others is escaped
  offerCopies(element);
  refreshTimes();
}
