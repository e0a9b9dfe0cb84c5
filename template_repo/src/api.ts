/** What the page asks of its Worker. Addresses are relative, so they hold below any path. */

export interface Version {
  commit: string | null;
  environment: string;
  deployment: string | null;
}

async function getJson<T>(address: string): Promise<T> {
  const response = await fetch(address, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return (await response.json()) as T;
}

export function getVersion(): Promise<Version> {
  return getJson("api/version");
}

export function getGreeting(name: string): Promise<{ message: string }> {
  return getJson(`api/hello?name=${encodeURIComponent(name)}`);
}

/** The commit as people read it: its first seven characters. */
export function shortCommit(version: Version): string {
  return version.commit?.slice(0, 7) ?? "not committed yet";
}
