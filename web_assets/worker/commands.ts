/** What to type in a shell to call a function; the server writes the first ones the same way. */

export interface Place {
  /** Where the functions answer. */
  readonly url: string;
  /** Whose they are in our API. */
  readonly api: string;
  /** A worker's name on the command line; functions of apps have none there. */
  readonly name: string;
  /** Whether callers there bear a key. */
  readonly hasKey: boolean;
}

export function commandsFor({ url, api, name, hasKey }: Place, called: string, payload: string): Record<string, string> {
  const [path, data] = [encodeURIComponent(called), quoted(payload)];
  const key = hasKey ? ' -H "Authorization: Bearer $INVOKE_KEY"' : "";
  const curls = {
    public: `curl -sS ${quoted(`${url}/api/invoke/${path}`)}${key} -d ${data}`,
    api: `curl -sSN ${quoted(`${api}/invoke/${path}`)} -H "Authorization: Bearer $BRANCHLINE_API_TOKEN" -d ${data}`,
  };
  if (name === "") return curls;
  return { ...curls, cli: `branchline workers invoke ${name} ${quoted(called)} --stream --data ${data}` };
}

/** Write text so that a shell takes it as one word, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
