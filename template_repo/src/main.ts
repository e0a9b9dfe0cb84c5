import { getGreeting, getVersion, shortCommit, type Version } from "./api.ts";
import "./style.css";

function find<E extends Element>(selector: string): E {
  const element = document.querySelector<E>(selector);
  if (!element) throw new Error(`index.html has no ${selector}`);
  return element;
}

function showVersion(version: Version): void {
  find<HTMLElement>("#environment").textContent = version.environment;
  find<HTMLElement>("#environment").dataset.environment = version.environment;
  find<HTMLElement>("#commit").textContent = shortCommit(version);
  find<HTMLElement>("#deployment").textContent = version.deployment ?? "this machine";
}

/** Run `work`; if it fails, say so on the page instead of leaving it half done. */
async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    find<HTMLElement>("#greeting").textContent = `The API did not answer: ${String(error)}`;
  }
}

async function greet(): Promise<void> {
  const { message } = await getGreeting(find<HTMLInputElement>("#name").value);
  find<HTMLElement>("#greeting").textContent = message;
}

find<HTMLFormElement>("#hello").addEventListener("submit", (event) => {
  event.preventDefault();
  void attempt(greet);
});

void attempt(async () => showVersion(await getVersion()));
