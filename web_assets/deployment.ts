// The page of a deployment: parts that others have to be asked for come after it, and again while they go on;
// its log has places to go to, and words to find. Without it the page links to all of that.
import { fetchPart, putIn } from "./page/parts";
import { LogSearch, openAt } from "./records/log";

const MOST_MS = 30_000;
// How long a part rests that heard of something while it was fetched.
const NEWS_MS = 1000;

/** A part that is fetched when it comes near to what is seen, and again as often as it asks for. */
class Later {
  private etag = "";
  private isThere = false;
  private timer = 0;
  private isNear = false;
  private isAsking = false;
  private hasNews = false;
  private search: LogSearch | undefined;

  constructor(private readonly element: HTMLElement) {
    new IntersectionObserver((entries) => this.see(entries.some((it) => it.isIntersecting)), { rootMargin: "400px" }).observe(element);
    document.addEventListener("visibilitychange", () => this.comeBack());
    document.addEventListener("branchline:event", (event) => this.hear((event as CustomEvent<{ subject?: string }>).detail));
  }

  private see(isNear: boolean): void {
    this.isNear = isNear;
    const isDue = !this.timer && (!this.isThere || this.again() > 0);
    if (isNear && (this.hasNews || isDue)) void this.fetch();
  }

  /** Nothing is fetched where nobody looks, and after a while nothing is heard there: anything may be news. */
  private comeBack(): void {
    if (document.hidden) return;
    this.hasNews = true;
    this.see(this.isNear);
  }

  private hear(told: { subject?: string }): void {
    if (told.subject === undefined || !location.pathname.includes(told.subject)) return;
    this.hasNews = true;
    void this.fetch();
  }

  private again(): number {
    return Number(this.element.querySelector<HTMLElement>("[data-again]")?.dataset.again ?? 0) * 1000;
  }

  private async fetch(): Promise<void> {
    window.clearTimeout(this.timer);
    this.timer = 0;
    if (this.isAsking || document.hidden) return;
    this.isAsking = true;
    this.hasNews = false;
    const fetched = await fetchPart(this.element.dataset.later ?? "", this.etag, MOST_MS);
    this.isAsking = false;
    if (fetched.kind === "ended") return location.reload();
    if (fetched.kind === "new") {
      this.isThere = true;
      this.etag = fetched.etag;
      this.show(fetched.html);
    }
    this.askAgain(fetched.kind === "new" || fetched.kind === "same");
  }

  private askAgain(hasCome: boolean): void {
    const pause = !hasCome ? MOST_MS : this.hasNews ? NEWS_MS : this.again();
    if (pause <= 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      if (this.isNear) void this.fetch();
    }, pause);
  }

  private show(html: string): void {
    const before = this.element.querySelector<HTMLElement>("[data-follow]");
    const isAtEnd = before === null || before.scrollTop + before.clientHeight >= before.scrollHeight - 4;
    const place = before?.scrollTop ?? 0;
    const isTyping = this.element.querySelector("#find") === document.activeElement;
    const hasTimes = timesOf(this.element)?.checked ?? false;
    putIn(this.element, html);
    const after = this.element.querySelector<HTMLElement>("[data-follow]");
    if (after !== null) after.scrollTop = isAtEnd ? after.scrollHeight : place;
    this.search = prepare(this.element, this.search, hasTimes);
    if (isTyping) this.element.querySelector<HTMLElement>("#find")?.focus({ preventScroll: true });
  }
}

function timesOf(within: ParentNode): HTMLInputElement | null {
  return within.querySelector<HTMLInputElement>(".log-times");
}

/** Make a log searchable; one that came again is as its reader left the one `before`. */
function prepare(within: ParentNode, before?: LogSearch, hasTimes = false): LogSearch | undefined {
  const log = within.querySelector<HTMLElement>(".log:not(.runtime-log)");
  if (log === null) return before;
  const times = timesOf(within);
  times?.addEventListener("change", () => log.classList.toggle("with-times", times.checked));
  if (times !== null && hasTimes) times.click();
  if (before === undefined) openAt(location.hash);
  return new LogSearch(log, within, before);
}

document.querySelectorAll<HTMLElement>("[data-later]").forEach((element) => new Later(element));
prepare(document);
window.addEventListener("hashchange", () => openAt(location.hash));
