// Forms that act: they say in a dialog what will change, and are sent once.

// No browser tells that somebody stopped a form on its way: after so long it may be sent again.
const SENT_MS = 10_000;

export function askFirst(): void {
  document.addEventListener("click", (event) => {
    const summary = (event.target as Element).closest("details[data-confirm] > summary");
    if (!summary) return;
    event.preventDefault();
    ask(summary as HTMLElement);
  });
}

function ask(summary: HTMLElement): void {
  const form = summary.parentElement!.querySelector("form");
  if (!form) return;
  const dialog = document.createElement("dialog");
  const copy = form.cloneNode(true) as HTMLFormElement;
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "button";
  cancel.textContent = "Cancel";
  cancel.addEventListener("click", () => dialog.close());
  copy.querySelector(".confirm-buttons")?.prepend(cancel);
  const heading = copy.querySelector("h2");
  if (heading) {
    heading.id = "dialog-title";
    dialog.setAttribute("aria-labelledby", heading.id);
  }
  rename(copy);
  dialog.append(copy);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    // Its part may have been fetched again meanwhile, with the same act in it or without.
    const same = summary.isConnected ? summary : document.getElementById(summary.id);
    if (same) same.focus();
    else document.getElementById("main")?.focus({ preventScroll: true });
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector<HTMLElement>("input:not([type=hidden]), textarea, select");
  (first ?? cancel).focus();
}

/** Give what is in a copy names of its own, so that a label means the field beside it, not the one it is a copy of. */
function rename(copy: HTMLElement): void {
  for (const field of copy.querySelectorAll<HTMLElement>("input[id], textarea[id], select[id]")) {
    const label = copy.querySelector(`label[for="${CSS.escape(field.id)}"]`);
    field.id += "-asked";
    label?.setAttribute("for", field.id);
  }
}

export function sendOnce(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.dataset.sent) return event.preventDefault();
    if (form.method !== "post") return;
    form.dataset.sent = "yes";
    const button = (event as SubmitEvent).submitter;
    button?.setAttribute("aria-busy", "true");
    window.setTimeout(() => mayBeSent(form), SENT_MS);
  });
  // Whoever comes back to the page may send it again.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll<HTMLFormElement>("form[data-sent]").forEach(mayBeSent);
  });
}

function mayBeSent(form: HTMLFormElement): void {
  form.removeAttribute("data-sent");
  for (const field of form.elements) field.removeAttribute("aria-busy");
}
