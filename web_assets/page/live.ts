// Keeps parts of a page current: one stream of events for all of them, and each part is fetched again when an
// event comes that it is about, when the stream was lost meanwhile, and when the page is looked at again.
import { type Fetched, fetchPart, putIn } from "./parts";
import { followState } from "./state";

const GATHER_MS = 50;
// A part rests ten times as long as it took to fetch: a server that has much to do is asked less.
const REST = { times: 10, least: 200, most: 2000 };
const MOST_MS = 15_000;
const AWAY_MS = 10_000;
const HIDDEN_MS = 60_000;
const RETRY_MS = { first: 1000, most: 30_000 };

type Mark = "live" | "reconnecting";

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

class Part {
  private etag = "";
  private timer = 0;
  private restedAt = 0;
  private isFetching = false;
  private isStale = false;

  constructor(readonly element: HTMLElement) {}

  isAbout(tag: string, words: string): boolean {
    const { events, subjects, also } = this.element.dataset;
    if (startsAs(tag, also)) return true;
    // A long list names what it shows: news of anything else changes nothing on it.
    return startsAs(tag, events) && (!subjects || subjects.split(" ").some((subject) => words.includes(subject)));
  }

  refresh(): void {
    // What is under way is let end: an answer that takes long would otherwise be cut off again and again.
    if (this.isFetching) this.isStale = true;
    if (this.isFetching || this.timer) return;
    const wait = Math.max(GATHER_MS, this.restedAt - performance.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.fetch();
    }, wait);
  }

  private async fetch(): Promise<void> {
    if (this.isInUse()) return this.later();
    this.isFetching = true;
    const beganAt = performance.now();
    const fetched = await fetchPart(this.element.dataset.live ?? "", this.etag, MOST_MS);
    const rest = Math.min(Math.max(REST.times * (performance.now() - beganAt), REST.least), REST.most);
    this.restedAt = performance.now() + (fetched.kind === "away" ? AWAY_MS : rest);
    this.isFetching = false;
    this.take(fetched);
    if (this.isStale) this.refresh();
    this.isStale = false;
  }

  private take(fetched: Fetched): void {
    if (fetched.kind === "ended" || fetched.kind === "gone") return this.askForPage();
    // Whoever looks at the page again asks for everything.
    if (fetched.kind === "away" && !document.hidden) this.isStale = true;
    if (fetched.kind !== "new") return;
    if (this.isInUse()) {
      this.isStale = true;
      return;
    }
    this.etag = fetched.etag;
    this.show(fetched.html);
  }

  // Says why there is no such part any more. What answered a form has another address than its page.
  private askForPage(): void {
    const url = new URL(this.element.dataset.live ?? "", location.href);
    url.searchParams.delete("part");
    location.replace(url);
  }

  private later(): void {
    this.restedAt = performance.now() + REST.most;
    this.refresh();
  }

  // Somebody presses something here, is typing, or has chosen something and not sent it yet.
  private isInUse(): boolean {
    if (this.element.matches(":active")) return true;
    const active = document.activeElement;
    const fields = [...this.element.querySelectorAll<Field>("input, textarea, select")];
    return fields.some((field) => (field === active && !isPressed(field)) || isChanged(field));
  }

  private show(html: string): void {
    const open = new Set([...this.element.querySelectorAll("details[open][id]")].map((it) => it.id));
    const focused = this.element.contains(document.activeElement) ? document.activeElement?.id : "";
    putIn(this.element, html);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    followState();
    this.element.dispatchEvent(new CustomEvent("part:shown", { bubbles: true }));
  }
}

class Stream {
  private source: EventSource | null = null;
  private retryMs = RETRY_MS.first;
  private timer = 0;
  private wasLost = false;

  constructor(
    private readonly url: string,
    // How far the record was before the page was read: what came about since then is told first.
    private place: string,
    private readonly told: (tag: string, words: string) => void,
    private readonly refreshAll: () => void,
    private readonly refreshOne: () => void,
  ) {}

  open(): void {
    window.clearTimeout(this.timer);
    if (this.source) return;
    const url = new URL(this.url, location.href);
    if (this.place) url.searchParams.set("after", this.place);
    const source = new EventSource(url);
    this.source = source;
    source.onopen = () => this.opened();
    source.onmessage = (message) => this.heard(message);
    source.addEventListener("reset", (message) => {
      this.place = (message as MessageEvent).lastEventId;
      this.refreshAll();
    });
    source.onerror = () => this.lost(source);
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.wasLost = true;
  }

  private opened(): void {
    this.retryMs = RETRY_MS.first;
    mark("live");
    if (this.wasLost) this.refreshAll();
    this.wasLost = false;
  }

  private heard(message: MessageEvent<string>): void {
    if (message.lastEventId) this.place = message.lastEventId;
    const { tag } = JSON.parse(message.data) as { tag?: string };
    if (tag) this.told(tag, message.data);
  }

  private lost(source: EventSource): void {
    mark("reconnecting");
    this.wasLost = true;
    if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
    source.close();
    this.source = null;
    this.refreshOne(); // whose sign-in has ended is led to it by what that answers
    this.timer = window.setTimeout(() => this.open(), this.retryMs * (0.5 + Math.random()));
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MS.most);
  }
}

function isPressed(field: Field): boolean {
  return field instanceof HTMLInputElement && ["button", "submit", "reset", "hidden"].includes(field.type);
}

function isChanged(field: Field): boolean {
  if (field instanceof HTMLSelectElement) {
    // The first one is chosen where none is marked.
    const marked = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(marked, 0);
  }
  if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

function startsAs(tag: string, prefixes = ""): boolean {
  return prefixes.split(" ").some((prefix) => prefix !== "" && tag.startsWith(prefix));
}

export function keepCurrent(): void {
  const url = document.body.dataset.stream;
  if (!url) return;
  const parts = new Map<HTMLElement, Part>();
  const present = (): Part[] =>
    [...document.querySelectorAll<HTMLElement>("[data-live]")].map((element) => {
      if (!parts.has(element)) parts.set(element, new Part(element));
      return parts.get(element)!;
    });
  const refreshAll = (): void => present().forEach((part) => part.refresh());
  const stream = new Stream(
    url,
    document.body.dataset.after ?? "",
    (tag, words) => {
      present().filter((part) => part.isAbout(tag, words)).forEach((part) => part.refresh());
      document.dispatchEvent(new CustomEvent("branchline:event", { detail: JSON.parse(words) }));
    },
    refreshAll,
    () => present()[0]?.refresh(),
  );
  if (!document.hidden) stream.open();
  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    window.clearTimeout(hiding);
    if (document.hidden) {
      // A browser has six connections to us at most: pages that nobody looks at must not hold them.
      hiding = window.setTimeout(() => stream.close(), HIDDEN_MS);
    } else {
      stream.open();
      refreshAll();
    }
  });
  window.addEventListener("pagehide", () => stream.close());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      stream.open();
      refreshAll();
    }
  });
}

function mark(state: Mark): void {
  const element = document.getElementById("live");
  if (!element || element.dataset.state === state) return;
  element.hidden = false;
  element.dataset.state = state;
  element.querySelector("span")!.textContent = state === "live" ? "Live" : "Reconnecting…";
}
