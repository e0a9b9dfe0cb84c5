/**
 * The log on the page: lines as they come, those that are looked for, at the end or where somebody reads.
 *
 * Lines are drawn once for each frame, whatever their number; what is kept of them is `logs.ts`' to say.
 */
import { pieces } from "./ansi.ts";
import { make, one, save } from "./dom.ts";
import { asText, isWanted, type KeptLine, LogBuffer, type LogLine, occurrences, severityOf, type Wanted } from "./logs.ts";

/** How the stream stands; each has its look in the stylesheet. */
export type Mark = "idle" | "calling" | "streaming" | "reconnecting" | "ended" | "failed" | "stopped";

const WORDS: Readonly<Record<Mark, string>> = {
  idle: "",
  calling: "calling",
  streaming: "streaming",
  reconnecting: "reconnecting",
  ended: "ended",
  failed: "failed",
  stopped: "not read to its end",
};
const NEAR_END = 24;
const TIME = /T(\d\d:\d\d:\d\d\.\d{3})/;

export class LogView {
  readonly #buffer = new LogBuffer();
  readonly #box = one("#log-lines");
  readonly #mark = one(".log-mark");
  readonly #note = one("#log-note");
  readonly #follow = one<HTMLButtonElement>("#log-follow");
  readonly #download = one<HTMLButtonElement>("#log-download");
  readonly #clear = one<HTMLButtonElement>("#log-clear");
  readonly #level = one<HTMLSelectElement>("#log-level");
  readonly #find = one<HTMLInputElement>("#log-find");
  readonly #fileName: () => string;
  #wanted: Wanted = { severity: 0, text: "" };
  #drawn = 0;
  #unseen = 0;
  #isFollowing = true;
  #frame = 0;

  /** `fileName` says what a download is called. */
  constructor(fileName: () => string) {
    this.#fileName = fileName;
    one(".log-tools").hidden = false;
    this.#level.addEventListener("change", () => this.#look());
    this.#find.addEventListener("input", () => this.#look());
    this.#follow.addEventListener("click", () => this.#setFollowing(!this.#isFollowing));
    this.#download.addEventListener("click", () => save(this.#fileName(), asText(this.#buffer.lines)));
    this.#clear.addEventListener("click", () => this.clear());
    this.#box.addEventListener("scroll", () => this.#onScroll(), { passive: true });
  }

  mark(mark: Mark): void {
    this.#mark.dataset.state = mark;
    this.#mark.textContent = WORDS[mark];
  }

  append(lines: readonly LogLine[]): void {
    this.#buffer.add(lines);
    // Where nobody looks no frame is drawn, and lines wait in the buffer, which is bounded.
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  clear(): void {
    this.#buffer.clear();
    this.#redraw();
    this.#setFollowing(true);
  }

  #look(): void {
    this.#wanted = { severity: Number(this.#level.value), text: this.#find.value.trim() };
    this.#redraw();
  }

  #redraw(): void {
    this.#drawn = 0;
    this.#box.replaceChildren();
    this.#draw();
  }

  #draw(): void {
    this.#frame = 0;
    const { lines } = this.#buffer;
    const fresh = lines.filter((line) => line.number > this.#drawn);
    const shown = fresh.filter((line) => isWanted(line, this.#wanted));
    this.#drawn = this.#buffer.added;
    this.#letGo(lines[0]?.number ?? 1);
    this.#box.querySelector(".log-empty")?.remove();
    this.#box.append(...shown.map((line) => rowOf(line, this.#wanted.text)));
    if (this.#box.childElementCount === 0) this.#box.append(this.#emptiness());
    this.#say(shown.length);
    if (this.#isFollowing) this.#box.scrollTop = this.#box.scrollHeight;
  }

  /** Take away rows of lines that are kept no more. */
  #letGo(first: number): void {
    for (let row = this.#box.firstElementChild; row !== null; row = this.#box.firstElementChild) {
      if (Number((row as HTMLElement).dataset.number ?? Infinity) >= first) return;
      row.remove();
    }
  }

  #emptiness(): HTMLElement {
    const text = this.#buffer.added === 0 ? "Lines appear here while a function runs." : "No line is as you want it.";
    return make("p", { className: "log-empty", textContent: text });
  }

  #say(more: number): void {
    const { added, dropped, lines } = this.#buffer;
    this.#download.disabled = this.#clear.disabled = added === 0;
    const isFiltered = this.#wanted.severity > 0 || this.#wanted.text !== "";
    const found = isFiltered ? this.#box.querySelectorAll(".log-line").length : 0;
    const notes = [
      dropped > 0 ? `The newest ${count(lines.length)} of ${count(added)} lines are kept here.` : "",
      isFiltered ? `${count(found)} of ${count(lines.length)} lines are shown.` : "",
    ].filter((note) => note !== "");
    this.#note.hidden = notes.length === 0;
    this.#note.textContent = notes.join(" ");
    if (!this.#isFollowing) this.#unseen += more;
    this.#sayFollowing();
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (isAtEnd !== this.#isFollowing) this.#setFollowing(isAtEnd);
  }

  #setFollowing(isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    this.#unseen = 0;
    this.#sayFollowing();
    if (isFollowing) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #sayFollowing(): void {
    this.#follow.setAttribute("aria-pressed", String(this.#isFollowing));
    this.#follow.textContent = this.#unseen > 0 ? `Follow (${count(this.#unseen)} new)` : "Follow";
  }
}

function rowOf(line: KeptLine, looked: string): HTMLElement {
  const time = make("time", { textContent: TIME.exec(line.timestamp)?.[1] ?? "", dateTime: line.timestamp });
  const level = make("span", { className: "log-level", textContent: line.level.slice(0, 5) });
  const row = make("div", { className: "log-line" }, time, level, make("bdi", {}, ...styled(line.message, looked)));
  row.dataset.number = String(line.number);
  row.dataset.level = ["trace", "log", "warn", "error"][severityOf(line.level)];
  return row;
}

/** Return a message as elements: in its colours, with what is looked for marked. */
function styled(message: string, looked: string): (Node | string)[] {
  return pieces(message).flatMap(({ text, styles }) => {
    const parts = marked(text, looked);
    return styles.length === 0 ? parts : [make("span", { className: styles.join(" ") }, ...parts)];
  });
}

function marked(text: string, looked: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let done = 0;
  for (const [start, end] of occurrences(text, looked)) {
    parts.push(text.slice(done, start), make("mark", { textContent: text.slice(start, end) }));
    done = end;
  }
  return [...parts, text.slice(done)].filter((part) => part !== "");
}

function count(number: number): string {
  return number.toLocaleString("en");
}
