// Buttons that copy a text; where the browser lets nobody copy they stay hidden.

export function offerCopies(within: ParentNode): void {
  if (!navigator.clipboard) return;
  within.querySelectorAll<HTMLButtonElement>("button[data-copy][hidden]").forEach((button) => {
    button.hidden = false;
    const label = button.textContent ?? "";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy ?? "");
        button.textContent = "Copied";
      } catch {
        button.textContent = "Press Ctrl+C";
      }
      window.setTimeout(() => (button.textContent = label), 1500);
    });
  });
}
