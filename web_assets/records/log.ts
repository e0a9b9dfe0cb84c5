// A log in the page: which line an address means, and where words are found in it. The text itself is not
// touched: what is found is marked by the browser's highlights, where it has them.

/** Unfold what a line is folded in, mark it, and bring it to sight. */
export function openAt(hash: string): void {
  document.querySelector(".log-line.is-meant")?.classList.remove("is-meant");
  if (!/^#L\d{1,9}$/.test(hash)) return;
  const line = document.getElementById(hash.slice(1));
  if (line === null) return;
  line.closest("details")?.setAttribute("open", "");
  line.classList.add("is-meant");
  line.scrollIntoView({ block: "center" });
}

const MOST_FOUND = 5000;
const NAMES = { all: "found", here: "found-here" };

export class LogSearch {
  private found: Range[] = [];
  private at = -1;
  private readonly input: HTMLInputElement | null;
  private readonly told: HTMLElement | null;

  /** Search a log; one that has come in the place of another goes on where `before` was. */
  constructor(private readonly log: HTMLElement, within: ParentNode, before?: LogSearch) {
    this.input = within.querySelector<HTMLInputElement>("#find");
    this.told = within.querySelector<HTMLElement>("#found");
    within.querySelector<HTMLElement>(".log-tools")?.removeAttribute("hidden");
    this.input?.addEventListener("input", () => this.look());
    this.input?.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.go(event.shiftKey ? -1 : 1);
      }
    });
    within.querySelectorAll<HTMLElement>("[data-find]").forEach((button) => {
      button.addEventListener("click", () => this.go(Number(button.dataset.find)));
    });
    if (before !== undefined) this.takeOver(before);
  }

  private takeOver(before: LogSearch): void {
    if (this.input === null || before.input === null || before.input.value === "") return;
    this.input.value = before.input.value;
    this.found = this.occurrences(this.input.value.toLowerCase());
    this.at = Math.min(Math.max(before.at, 0), this.found.length - 1);
    this.tell();
  }

  private look(): void {
    const wanted = (this.input?.value ?? "").toLowerCase();
    this.found = wanted === "" ? [] : this.occurrences(wanted);
    this.at = -1;
    this.go(1);
  }

  private occurrences(wanted: string): Range[] {
    const found: Range[] = [];
    for (const code of this.log.querySelectorAll("code")) {
      const text = (code.textContent ?? "").toLowerCase();
      for (let at = text.indexOf(wanted); at >= 0 && found.length < MOST_FOUND; at = text.indexOf(wanted, at + wanted.length)) {
        const range = rangeOf(code, at, at + wanted.length);
        if (range !== null) found.push(range);
      }
    }
    return found;
  }

  private go(step: number): void {
    const number = this.found.length;
    this.at = number === 0 ? -1 : (this.at + step + number) % number;
    const here = this.tell();
    if (here === undefined) return;
    const line = (here.startContainer.parentElement as HTMLElement | null)?.closest<HTMLElement>(".log-line");
    line?.closest("details")?.setAttribute("open", "");
    line?.scrollIntoView({ block: "nearest" });
  }

  /** Say how many there are and mark them; return the one that is looked at. */
  private tell(): Range | undefined {
    const number = this.found.length;
    if (this.told !== null) this.told.textContent = this.input?.value ? (number === 0 ? "nothing" : `${this.at + 1} of ${number}`) : "";
    const here = this.found[this.at];
    this.mark(here);
    return here;
  }

  private mark(here: Range | undefined): void {
    const highlights = typeof Highlight === "function" ? CSS.highlights : undefined;
    if (highlights === undefined) return;
    highlights.set(NAMES.all, new Highlight(...this.found));
    highlights.set(NAMES.here, here === undefined ? new Highlight() : new Highlight(here));
  }
}

/** Return a range of the text of an element, whose pieces may be in elements of their own. */
function rangeOf(element: Element, start: number, end: number): Range | null {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let passed = 0;
  let hasBegun = false;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (!hasBegun && start < passed + length) {
      range.setStart(node, start - passed);
      hasBegun = true;
    }
    if (hasBegun && end <= passed + length) {
      range.setEnd(node, end - passed);
      return range;
    }
    passed += length;
  }
  return null;
}
