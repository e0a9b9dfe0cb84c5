// The pages of workers, and of apps' functions: code in an editor, and functions to call. Loaded there alone, for the
// editor is large.
import { Deploying } from "./worker/deploying.ts";
import { one } from "./worker/dom.ts";
import { Invoking, keep, payloadKey } from "./worker/invoking.ts";

const code = document.querySelector<HTMLElement>("#code");
const isWorker = code?.dataset.worker !== undefined;

function beginWorker(payload: string): void {
  new Deploying((deployed) => {
    const [first] = deployed.functions;
    // The example comes with a payload for its function.
    if (first === "hello") keep(payloadKey(`/api/workers/${deployed.id}`, first), payload);
    location.assign(`/workers/${deployed.slug}?done=deployed`);
  });
}

function openWorker(): void {
  const invoking = new Invoking();
  const deploying = new Deploying((deployed) => invoking.offer(deployed.functions));
  // The shell fetches what stands above the editor again when a version went live, whoever deployed it.
  document.addEventListener("part:shown", () => {
    const { liveVersion = "", functions = "[]" } = one("[data-live-version]").dataset;
    // Ids sort by time: what was read before our own deployment ended is older than what it told.
    if (liveVersion < deploying.seen) return;
    invoking.offer(JSON.parse(functions) as string[]);
    deploying.notice(liveVersion);
  });
  if (new URLSearchParams(location.search).get("done") === "deployed") {
    // Said once: a reload has nothing to say.
    history.replaceState(null, "", location.pathname);
    one("#call").focus();
  }
}

if (isWorker) openWorker();
else if (code !== null) beginWorker(code.dataset.payload ?? "");
else if (document.querySelector("#invoke") !== null) new Invoking();
