/** The page of a Worker that has none: what can be called. A client that is no browser gets the list as JSON. */
import { json } from "./answers.js";

/**
 * @param {Request} request
 * @param {readonly string[]} names
 */
export function indexPage(request, names) {
  if (!(request.headers.get("accept") ?? "").includes("text/html")) return json({ functions: names });
  return new Response(page(names), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      "cache-control": "no-store",
    },
  });
}

/**
 * Addresses are relative: a Worker does not know below which path its dispatcher shows it.
 * @param {readonly string[]} names
 */
function page(names) {
  const calls = names.map((name) => `POST api/invoke/${encodeURIComponent(name)}`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Functions</title>
<style>
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 12vh auto 0; padding: 0 1.5rem }
  h1 { font-size: 1.4rem } pre { overflow-x: auto; padding: .75rem 1rem; border: 1px solid #8886; border-radius: .4rem }
</style>
<h1>What can be called here</h1>
<pre>${calls.map(escapeHtml).join("\n") || "nothing: the module exports no function"}</pre>
<p>The body is JSON. With <code>Accept: text/event-stream</code> the logs come as they are written.</p>
</html>
`;
}

/** @param {string} text */
function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
