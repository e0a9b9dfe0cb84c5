/** Calling a function from the page: which one, with what, what it wrote and what it returned. */
import { copyWith } from "../page/copying.ts";
import { headers } from "./api.ts";
import { commandsFor } from "./commands.ts";
import { one } from "./dom.ts";
import { invoke, type Network, type Told } from "./invocation.ts";
import { LogView, type Mark } from "./log_view.ts";
import { asSent, mistakeIn } from "./payload.ts";
import { PayloadEditor } from "./payload_editor.ts";
import { signInAgain, UNAUTHENTICATED } from "./signed_out.ts";
import { written } from "./telling.ts";

const LONGEST_RESULT = 200_000;

const NETWORK: Network = {
  fetch: (url, options) => fetch(url, options),
  pause: (milliseconds, signal) =>
    new Promise((done) => {
      const timer = window.setTimeout(done, milliseconds);
      signal.addEventListener("abort", () => (window.clearTimeout(timer), done()), { once: true });
    }),
};

export class Invoking {
  readonly #form = one<HTMLFormElement>("#invoke");
  readonly #function = one<HTMLSelectElement>("#function");
  readonly #call = one<HTMLButtonElement>("#call");
  readonly #stop = one<HTMLButtonElement>("#stop");
  readonly #log = new LogView(() => `${this.#form.dataset.name}-${this.#function.value}.log`);
  readonly #result = new Result();
  readonly #payload: PayloadEditor;
  readonly #base: string;
  #running: AbortController | undefined;

  constructor() {
    const { base = "", nonce = "" } = this.#form.dataset;
    this.#base = base;
    this.#payload = new PayloadEditor(one<HTMLTextAreaElement>("#payload"), nonce, () => this.#changed(), () => void this.#begin());
    this.#recall();
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      void this.#begin();
    });
    this.#function.addEventListener("change", () => this.#recall());
    this.#stop.addEventListener("click", () => this.#running?.abort());
    window.addEventListener("pagehide", () => this.#running?.abort());
  }

  /** Offer the functions of a new version; the one that was chosen stays chosen where it is still there. */
  offer(functions: readonly string[]): void {
    const chosen = this.#function.value;
    this.#function.replaceChildren(...functions.map((name) => new Option(name, name, false, name === chosen)));
    this.#call.disabled = functions.length === 0 || this.#running !== undefined;
    if (this.#function.value !== chosen) this.#recall();
  }

  async #begin(): Promise<void> {
    if (this.#running !== undefined || this.#call.disabled) return;
    const payload = asSent(this.#payload.text);
    if (this.#complain()) return this.#payload.focus();
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.#show(true);
    const call = { base: this.#base, function: this.#function.value, payload, headers: headers(), signal };
    try {
      for await (const told of invoke(call, NETWORK)) this.#tell(told);
      if (signal.aborted) this.#log.mark("stopped");
    } finally {
      this.#running = undefined;
      this.#show(false);
    }
  }

  #show(isRunning: boolean): void {
    this.#call.disabled = isRunning;
    this.#call.textContent = isRunning ? "Running…" : "Invoke";
    this.#stop.hidden = !isRunning;
    if (isRunning) {
      this.#log.clear();
      this.#log.mark("calling");
      this.#result.forget();
    } else if (document.activeElement === document.body) this.#call.focus();
  }

  #tell(told: Told): void {
    if (told.kind === "lines") this.#log.append(told.lines);
    const mark = markOf(told);
    if (mark !== undefined) this.#log.mark(mark);
    this.#result.tell(told);
  }

  /** Say what is wrong with the payload, if anything is. */
  #complain(): boolean {
    const mistake = mistakeIn(this.#payload.text);
    const wrong = one("#payload-wrong");
    wrong.hidden = mistake === undefined;
    wrong.textContent = mistake === undefined ? "" : `Line ${mistake.line}, column ${mistake.column}: ${mistake.message}.`;
    return mistake !== undefined;
  }

  #changed(): void {
    if (!one("#payload-wrong").hidden) this.#complain();
    keep(this.#key(), this.#payload.text);
    showCommands(this.#function.value, asSent(this.#payload.text));
  }

  /** Show what this function was last called with. */
  #recall(): void {
    const known = recalled(this.#key());
    if (known !== null && known !== this.#payload.text) this.#payload.text = known;
    showCommands(this.#function.value, asSent(this.#payload.text));
  }

  #key(): string {
    return payloadKey(this.#base, this.#function.value);
  }
}

/** Under which name a payload is kept for a function; `base` is whose it is in our API. */
export function payloadKey(base: string, name: string): string {
  return `branchline:payload:${base}:${name}`;
}

export function keep(key: string, text: string): void {
  try {
    sessionStorage.setItem(key, text);
  } catch {
    // The tab's share is used up: the payload is forgotten with the page.
  }
}

function recalled(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function markOf(told: Told): Mark | undefined {
  if (told.kind === "begun" || told.kind === "resumed") return "streaming";
  if (told.kind === "cut") return "reconnecting";
  if (told.kind === "result") return "ended";
  return told.kind === "lines" ? undefined : "failed";
}

/** How a call ended. */
class Result {
  readonly #empty = one(".result-empty");
  readonly #button = one<HTMLButtonElement>("#result-copy");
  readonly #state = one(".result-state");
  readonly #facts = one(".result-facts");
  readonly #text = one(".result-text");
  #whole = "";

  constructor() {
    copyWith(this.#button, () => this.#whole);
  }

  forget(): void {
    this.#state.replaceChildren();
    this.#facts.textContent = "";
    this.#text.hidden = this.#button.hidden = true;
    this.#empty.hidden = false;
  }

  tell(told: Told): void {
    if (told.kind === "result") this.#show("succeeded", "good", spanOf(told.duration), written(told.value, 2));
    else if (told.kind === "failed") this.#show("failed", "bad", spanOf(told.duration), textOf(told.error));
    else if (told.kind === "refused") this.#show("not called", "bad", told.status === UNAUTHENTICATED ? signInAgain() : `${told.status}`, told.message);
    else if (told.kind === "lost") this.#show("unknown", "warn", "", told.message);
  }

  #show(state: string, look: string, facts: Node | string, text: string): void {
    this.#whole = text;
    const tag = document.createElement("span");
    tag.className = `tag tag-${look}`;
    tag.textContent = state;
    this.#state.replaceChildren(tag);
    this.#facts.replaceChildren(facts);
    const isLong = text.length > LONGEST_RESULT;
    this.#text.textContent = isLong ? `${text.slice(0, LONGEST_RESULT)}\n… copy it to see all of it` : text;
    this.#text.hidden = false;
    this.#empty.hidden = true;
    this.#button.hidden = !("clipboard" in navigator);
  }
}

function spanOf(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

function textOf({ name, message, stack }: { name: string; message: string; stack?: string }): string {
  return stack ?? `${name}: ${message}`;
}

function showCommands(called: string, payload: string): void {
  const { url = "", api = "", terminal: command = "", key } = one("#commands").dataset;
  const texts = commandsFor({ url, api, command, hasKey: key === "yes" }, called, payload || "null");
  for (const [kind, text] of Object.entries(texts)) {
    const shown = one(`[data-command="${kind}"]`);
    one("code", shown).textContent = text;
    one("[data-copy]", shown).dataset.copy = text;
  }
}
