/** Whose sign-in has ended: what they are told, and where they sign in again and come back to this very page. */
import { make } from "./dom.ts";

export const UNAUTHENTICATED = 401;
export const ENDED = "Your sign-in has ended. What you typed is kept in this tab.";

export function signInAgain(): HTMLAnchorElement {
  const next = encodeURIComponent(location.pathname + location.search);
  return make("a", { textContent: "Sign in again", href: `/login?next=${next}` });
}
