/** What to type in a shell to call a function; the server writes the first ones the same way. */

export interface Place {
  /** Where the functions answer. */
  readonly url: string;
  /** Whose they are in our API. */
  readonly api: string;
  /** What one types in a terminal to call one of them, but for which one and with what. */
  readonly command: string;
  /** Whether callers there bear a key. */
  readonly hasKey: boolean;
}

export function commandsFor({ url, api, command, hasKey }: Place, called: string, payload: string): Record<string, string> {
  const [path, data] = [encodeURIComponent(called), quoted(payload)];
  const key = hasKey ? ' -H "Authorization: Bearer $INVOKE_KEY"' : "";
  return {
    public: `curl -sS ${quoted(`${url}/api/invoke/${path}`)}${key} -d ${data}`,
    api: `curl -sSN ${quoted(`${api}/invoke/${path}`)} -H "Authorization: Bearer $BRANCHLINE_API_TOKEN" -d ${data}`,
    cli: `${command} ${quoted(called)} --stream --data ${data}`,
  };
}

/** Write text so that a shell takes it as one word, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
