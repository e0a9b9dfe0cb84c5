// The title and the icon of the tab say how things stand: `data-title` and `data-state` of the part that
// knows, also after it was fetched again.
type State = "busy" | "failed";

export function followState(): void {
  const told = document.querySelector<HTMLElement>("[data-title]");
  if (!told) return;
  document.title = told.dataset.title ?? document.title;
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (!icon) return;
  icon.dataset.calm ??= icon.getAttribute("href") ?? "";
  const href = icon.dataset[told.dataset.state as State] ?? icon.dataset.calm;
  if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
}
