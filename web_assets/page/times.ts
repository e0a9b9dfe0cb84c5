// Keeps relative times true while the page stays open; the words are those of the server's filter `ago`.
const MINUTE = 60;
const UNITS: [number, string][] = [
  [24 * 60 * MINUTE, "d"],
  [60 * MINUTE, "h"],
  [MINUTE, "min"],
];
let ahead = 0; // how many seconds this browser's clock is ahead of the server's

export function tellTimes(): void {
  const served = document.documentElement.dataset.servedAt;
  if (served) ahead = (Date.now() - performance.now() - Date.parse(served)) / 1000;
  if (Math.abs(ahead) < MINUTE) ahead = 0; // that much the way to us may take
  window.setInterval(refreshTimes, 15_000);
  refreshTimes();
}

export function refreshTimes(): void {
  for (const time of document.querySelectorAll<HTMLTimeElement>("time.ago")) {
    const text = relative((Date.now() - Date.parse(time.dateTime)) / 1000 - ahead);
    if (time.textContent !== text) time.textContent = text;
  }
}

function relative(passed: number): string {
  const span = Math.abs(passed);
  if (span < MINUTE) return passed >= 0 ? "just now" : "in under a minute";
  const [unit, name] = UNITS.find(([seconds]) => span >= seconds)!;
  const text = `${Math.floor(span / unit)} ${name}`;
  return passed >= 0 ? `${text} ago` : `in ${text}`;
}
