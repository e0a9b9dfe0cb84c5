/** Finding and making elements; text of others is only ever set as text. */

/** Return an element that the page's template has. Throws when it has not: then the two do not fit each other. */
export function one<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T {
  const found = within.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

type Attributes = Readonly<Record<`aria-${string}` | "role" | "for", string>>;

/** Return a new element with text, or other elements, in it; what has a hyphen in its name is an attribute. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]> & Partial<Attributes> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  set(element, properties);
  element.append(...children);
  return element;
}

/** Set properties of an element, and attributes. */
export function set(element: HTMLElement, properties: object): void {
  for (const [name, value] of Object.entries(properties)) {
    // Not every browser knows `role` and the names of ARIA as properties.
    if (name === "role" || name.includes("-")) element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
}

/** Return a button that does something and nothing else. */
export function button(text: string, act: () => void, className = "button slim"): HTMLButtonElement {
  const made = make("button", { type: "button", className, textContent: text });
  made.addEventListener("click", act);
  return made;
}

/** Have the browser save text as a file. */
export function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  make("a", { href: url, download: name }).click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
