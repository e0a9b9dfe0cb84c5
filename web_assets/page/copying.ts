// Buttons that copy a text; where the browser lets nobody copy they stay hidden.

export function offerCopies(within: ParentNode): void {
  if (!navigator.clipboard) return;
  within.querySelectorAll<HTMLButtonElement>("button[data-copy][hidden]").forEach((button) => {
    button.hidden = false;
    copyWith(button, () => button.dataset.copy ?? "");
  });
}

/** Have a button copy what `text` is by then, and say for a moment whether that went well. */
export function copyWith(button: HTMLButtonElement, text: () => string): void {
  const label = button.textContent ?? "";
  let timer = 0;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
    }
    window.clearTimeout(timer);
    timer = window.setTimeout(() => (button.textContent = label), 1500);
  });
}
