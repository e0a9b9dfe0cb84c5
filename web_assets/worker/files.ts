/** The files of a worker in one editor, each with a tab of its own. */
import type { EditorState } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";

import type { Problem } from "./api.ts";
import { button, make, set } from "./dom.ts";
import type { SourceFile } from "./drafts.ts";
import { type EditorOptions, shown, stateOf, viewOf } from "./editor.ts";

interface OpenFile {
  path: string;
  state: EditorState;
  problems: number;
}

export class Files {
  readonly #tabs = make("div", { className: "file-tabs", role: "tablist", "aria-label": "Files" });
  readonly #panel = make("div", { className: "editor-panel", role: "tabpanel" });
  readonly #options: EditorOptions;
  #view: EditorView | undefined;
  #files: OpenFile[] = [];
  #active = 0;

  constructor(parent: HTMLElement, options: EditorOptions) {
    this.#options = options;
    const tools = make(
      "div",
      { className: "tab-tools" },
      button("New file", () => this.#askForName("New file", "", (path) => this.#add(path)), "button quiet slim"),
      button("Rename", () => this.#askForName("Rename", this.#current.path, (path) => this.#rename(path)), "button quiet slim"),
      button("Remove", () => this.#remove(), "button quiet slim"),
    );
    this.#tabs.addEventListener("keydown", (event) => this.#onKey(event));
    parent.replaceChildren(make("div", { className: "tab-bar" }, this.#tabs, tools), this.#panel);
  }

  /** Show files instead of those before. */
  open(files: readonly SourceFile[]): void {
    this.#files = files.map(({ path, content }) => this.#opened(path, content));
    this.#show(0);
  }

  get all(): readonly SourceFile[] {
    return this.#files.map((file, at) => ({ path: file.path, content: this.#stateAt(at).doc.toString() }));
  }

  /** Show problems at their places, and the first of them; those without a file are not for here. */
  mark(problems: readonly Problem[]): void {
    this.#files.forEach((file, at) => {
      const own = problems.filter((problem) => problem.file === file.path);
      file.problems = own.length;
      if (at === this.#active) this.#view?.dispatch(shown(this.#view.state, own));
      else file.state = file.state.update(shown(file.state, own)).state;
    });
    const first = this.#files.find((file) => file.problems > 0);
    const line = problems.find((problem) => problem.file === first?.path)?.line;
    if (first !== undefined) this.goTo(first.path, line ?? 1, 1);
    this.#showTabs();
  }

  /** Move to a place in a file and take the keyboard there. */
  goTo(path: string, line: number, column: number): void {
    const at = this.#files.findIndex((file) => file.path === path);
    if (at < 0 || this.#view === undefined) return;
    if (at !== this.#active) this.#change(at);
    const text = this.#view.state.doc.line(Math.min(Math.max(line, 1), this.#view.state.doc.lines));
    const anchor = Math.min(text.from + Math.max(column - 1, 0), text.to);
    this.#view.dispatch({ selection: { anchor }, scrollIntoView: true });
  }

  focus(): void {
    this.#view?.focus();
  }

  get #current(): OpenFile {
    const file = this.#files[this.#active];
    if (file === undefined) throw new Error("no file is open");
    return file;
  }

  #opened(path: string, content: string): OpenFile {
    const state = stateOf(path, content, { ...this.#options, label: `${this.#options.label} of ${path}` });
    return { path, state, problems: 0 };
  }

  #stateAt(at: number): EditorState {
    const file = this.#files[at];
    if (file === undefined) throw new Error("there is no such file");
    return at === this.#active && this.#view !== undefined ? this.#view.state : file.state;
  }

  #keepState(): void {
    const file = this.#files[this.#active];
    if (file !== undefined && this.#view !== undefined) file.state = this.#view.state;
  }

  #show(at: number): void {
    this.#active = Math.min(at, this.#files.length - 1);
    // A new view for each file: `setState` clones an element with a style, which the page's policy refuses.
    this.#view?.destroy();
    this.#view = viewOf(this.#panel, this.#current.state);
    this.#showTabs();
  }

  #showTabs(): void {
    const tabs = this.#files.map((file, at) => {
      const isActive = at === this.#active;
      const tab = button(file.path, () => this.#change(at), "file-tab");
      set(tab, { role: "tab", "aria-selected": String(isActive), tabIndex: isActive ? 0 : -1, id: `tab-${at}` });
      if (file.problems > 0) tab.append(make("span", { className: "tab-problems", textContent: `${file.problems}` }));
      return tab;
    });
    this.#tabs.replaceChildren(...tabs);
    this.#panel.setAttribute("aria-labelledby", `tab-${this.#active}`);
  }

  #change(at: number): void {
    if (at !== this.#active) {
      this.#keepState();
      this.#show(at);
    }
    this.focus();
  }

  #onKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#change((this.#active + step + this.#files.length) % this.#files.length);
    this.#tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }

  #add(path: string): void {
    this.#keepState();
    this.#files.push(this.#opened(path, ""));
    this.#show(this.#files.length - 1);
    this.#options.onChange();
    this.focus();
  }

  #rename(path: string): void {
    const content = this.#stateAt(this.#active).doc.toString();
    this.#files[this.#active] = this.#opened(path, content);
    this.#show(this.#active);
    this.#options.onChange();
  }

  #remove(): void {
    if (this.#files.length < 2) return;
    const { path } = this.#current;
    const isEmpty = this.#stateAt(this.#active).doc.length === 0;
    if (!isEmpty && !window.confirm(`Remove ${path}? Its code is gone when you deploy.`)) return;
    this.#files.splice(this.#active, 1);
    this.#show(Math.max(0, this.#active - 1));
    this.#options.onChange();
  }

  /** Ask for a file's name, below the tabs. */
  #askForName(label: string, value: string, then: (path: string) => void): void {
    this.#tabs.parentElement?.parentElement?.querySelector(".tab-ask")?.remove();
    const input = make("input", { type: "text", value, maxLength: 200, "aria-label": `${label}: its name`, placeholder: "such as lib.ts", spellcheck: false });
    const ask = make("div", { className: "tab-ask" }, input);
    const done = (): void => {
      const path = input.value.trim();
      const isTaken = this.#files.some((file) => file.path === path && path !== value);
      input.setAttribute("aria-invalid", String(path === "" || isTaken));
      if (path === "" || isTaken) return;
      ask.remove();
      then(path);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") ask.remove();
      if (event.key !== "Enter") return;
      event.preventDefault();
      done();
    });
    ask.append(button(label, done, "button slim primary"), button("Cancel", () => ask.remove()));
    this.#panel.before(ask);
    input.focus();
    input.select();
  }
}
