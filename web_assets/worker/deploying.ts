/** The code on the page: typed, kept over a reload, deployed; told where it does not compile, or who was faster. */
import { createWorker, type Deployed, type Problem, Refused, updateWorker, versionFiles } from "./api.ts";
import { button, make, one } from "./dom.ts";
import { areSame, type Draft, Drafts, type SourceFile } from "./drafts.ts";
import { Files } from "./files.ts";
import { ENDED, signInAgain, UNAUTHENTICATED } from "./signed_out.ts";

const KEEP_AFTER_MS = 300;

export class Deploying {
  readonly #form = one<HTMLFormElement>("#code");
  readonly #button = one<HTMLButtonElement>("#deploy");
  readonly #state = one(".deploy-state");
  readonly #refusal = one(".refusal");
  readonly #files: Files;
  #shown: readonly SourceFile[];
  /** The version that was live when the files came that are shown. */
  #live: string;
  /** The version of somebody else that the page tells of now, above what was typed. */
  #told = "";
  readonly #drafts: Drafts;
  readonly #onDeployed: (deployed: Deployed) => void;
  #timer = 0;
  #isBusy = false;

  constructor(onDeployed: (deployed: Deployed) => void) {
    this.#onDeployed = onDeployed;
    const { nonce = "" } = this.#form.dataset;
    this.#files = new Files(one(".editor"), {
      nonce,
      label: "Code",
      onChange: () => this.#changed(),
      onEnter: () => void this.#deploy(),
    });
    this.#shown = filesOf(this.#form);
    this.#live = this.seen;
    this.#drafts = new Drafts(sessionStorage, draftKey(this.#form));
    this.#takeOver();
    this.#files.open(this.#draft()?.files ?? this.#shown);
    this.#listen();
  }

  /** The version that is live as far as this page knows; its next one replaces this one and no other. */
  get seen(): string {
    return this.#form.querySelector<HTMLInputElement>("[name=replaces]")?.value ?? "";
  }

  set #replaces(version: string) {
    const field = this.#form.querySelector<HTMLInputElement>("[name=replaces]");
    if (field !== null) field.value = version;
  }

  /** Say that another version is live than the one this page knows. */
  notice(version: string): void {
    if (this.#isBusy || ["", this.seen, this.#told].includes(version)) return;
    if (areSame(this.#files.all, this.#shown)) return this.#say("A newer version is live. ", link("Load it", location.pathname));
    void this.#showNewer(version, "A newer version went live while you were editing.");
  }

  #takeOver(): void {
    one(".files").remove();
    one(".editor").hidden = false;
    one(".keys-hint").hidden = false;
    if (/Mac|iPhone|iPad/.test(navigator.userAgent)) one(".keys-hint kbd").textContent = "⌘";
  }

  #listen(): void {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      void this.#deploy();
    });
    window.addEventListener("pagehide", () => this.#keep());
  }

  /** Return what was typed before the page was loaded again, and say so. */
  #draft(): Draft | undefined {
    const draft = this.#drafts.found();
    if (draft === undefined || areSame(draft.files, this.#shown)) return undefined;
    if (draft.name !== undefined) one<HTMLInputElement>("#name").value = draft.name;
    this.#say("What you typed is back. ", button("Discard it", () => this.#discard(), "link"));
    if (draft.version === this.#live || this.#live === "") return draft;
    // It was typed on top of another version, and replaces that one, as long as nobody says otherwise.
    this.#replaces = draft.version;
    void this.#showNewer(this.#live, "A newer version went live meanwhile.");
    return draft;
  }

  #discard(): void {
    this.#files.open(this.#shown);
    this.#replaces = this.#live;
    this.#keep();
    this.#say();
    this.#hideNewer();
  }

  #changed(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#keep(), KEEP_AFTER_MS);
  }

  #keep(): void {
    window.clearTimeout(this.#timer);
    const name = this.#form.querySelector<HTMLInputElement>("#name")?.value;
    const files = this.#files.all;
    if (areSame(files, this.#shown)) this.#drafts.forget();
    else this.#drafts.keep({ version: this.seen, files, name });
  }

  async #deploy(): Promise<void> {
    if (this.#isBusy || !this.#form.reportValidity()) return;
    this.#isBusy = true;
    this.#button.setAttribute("aria-busy", "true");
    this.#say("Deploying…");
    const [began, files] = [performance.now(), this.#files.all];
    try {
      const deployed = await this.#send(files);
      this.#wentLive(deployed, files, (performance.now() - began) / 1000);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#refused(error);
    } finally {
      this.#isBusy = false;
      this.#button.removeAttribute("aria-busy");
    }
  }

  #send(files: readonly SourceFile[]): Promise<Deployed> {
    const { worker } = this.#form.dataset;
    if (worker !== undefined) return updateWorker(worker, files, this.seen);
    const [name, environment] = [one<HTMLInputElement>("#name").value, one<HTMLSelectElement>("#environment").value];
    return createWorker(name.trim(), environment, files);
  }

  #wentLive(deployed: Deployed, sent: readonly SourceFile[], seconds: number): void {
    this.#shown = sent;
    this.#replaces = this.#live = deployed.version;
    this.#keep();
    this.#forgetProblems();
    this.#form.dataset.looked = deployed.version;
    this.#form.querySelector(".looked")?.remove();
    this.#say(`Live after ${seconds.toFixed(1)} s at `, link(deployed.url.replace(/^https?:\/\//, ""), deployed.url));
    this.#onDeployed(deployed);
  }

  #refused(error: Refused): void {
    this.#keep();
    this.#say();
    this.#forgetProblems();
    const { version } = error.details;
    if (error.code === "worker:changed" && typeof version === "string") {
      void this.#showNewer(version, `Version ${error.details.number} by ${who(error.details.actor)} went live meanwhile.`);
      return;
    }
    const text = error.problems.length > 0 ? "Nothing was deployed: it does not compile." : error.message;
    const told = error.status === UNAUTHENTICATED ? [ENDED, " ", signInAgain()] : [text];
    one(".refusal-text", this.#refusal).replaceChildren(...told);
    one(".problems", this.#refusal).replaceChildren(...error.problems.map((problem) => this.#itemOf(problem)));
    this.#refusal.hidden = false;
    this.#files.mark(error.problems);
    if (error.problems.length > 0) this.#files.focus();
  }

  #forgetProblems(): void {
    this.#refusal.hidden = true;
    this.#files.mark([]);
    this.#hideNewer();
  }

  #hideNewer(): void {
    this.#told = "";
    const newer = this.#form.querySelector<HTMLElement>("#newer");
    if (newer !== null) newer.hidden = true;
  }

  #itemOf(problem: Problem): HTMLElement {
    const { file, line, column, message } = problem;
    const text = make("bdi", { textContent: message });
    if (file == null || line == null) return make("li", {}, text);
    const place = button(`${file}:${line}:${column ?? 1}`, () => this.#goTo(problem), "link");
    return make("li", {}, place, " ", text);
  }

  #goTo({ file, line, column }: Problem): void {
    this.#files.goTo(file ?? "", line ?? 1, column ?? 1);
    this.#files.focus();
  }

  /** Say who was faster and what they wrote; what was typed here stays as it is. */
  async #showNewer(version: string, text: string): Promise<void> {
    this.#told = version;
    const box = one("#newer");
    const mine = button("Deploy mine as the next version", () => this.#overwrite(version), "button slim");
    const theirs = button("Discard mine and load theirs", () => this.#loadTheirs(), "button slim");
    const code = make("details", {}, make("summary", { textContent: "Look at theirs" }));
    box.replaceChildren(make("p", { textContent: `${text} What you typed is untouched.` }), code, make("p", { className: "buttons" }, mine, theirs));
    box.hidden = false;
    const files = await versionFiles(this.#form.dataset.worker ?? "", version).catch(() => []);
    code.append(...files.map(({ path, content }) => make("div", {}, make("code", { textContent: path }), make("pre", { textContent: content, tabIndex: 0 }))));
  }

  #overwrite(version: string): void {
    this.#replaces = version;
    void this.#deploy();
  }

  #loadTheirs(): void {
    this.#discard();
    location.assign(location.pathname);
  }

  #say(...parts: (Node | string)[]): void {
    this.#state.replaceChildren(...parts);
  }
}

/** Return the files of a form, as the server wrote them. */
function filesOf(form: HTMLFormElement): SourceFile[] {
  return [...form.querySelectorAll<HTMLElement>(".files > .file")].map((file) => ({
    path: one<HTMLInputElement>("[name=path]", file).value,
    content: one<HTMLTextAreaElement>("[name=content]", file).value,
  }));
}

/** An old version that is looked at has a draft of its own, so that one never takes the place of another. */
function draftKey({ dataset }: HTMLFormElement): string {
  const { worker = "new", looked = "" } = dataset;
  return new URLSearchParams(location.search).has("version") ? `${worker}:${looked}` : worker;
}

function link(text: string, url: string): HTMLAnchorElement {
  return make("a", { textContent: text, href: /^https?:\/\/|^\//.test(url) ? url : "#" });
}

function who(actor: unknown): string {
  return typeof actor === "string" ? actor.replace(/^(person|token|github):/, "") : "somebody";
}
