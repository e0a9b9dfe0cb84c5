// Forms that act: they say in a dialog what will change, and are sent once.

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
    if (summary.isConnected) summary.focus();
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
  });
  // Whoever comes back to the page may send it again.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => form.removeAttribute("data-sent"));
    document.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
  });
}
