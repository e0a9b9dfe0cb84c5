/** What to type in a shell to call a function; the server writes the first ones the same way. */

export interface Place {
  /** The worker's own address. */
  readonly url: string;
  /** Its address in our API. */
  readonly api: string;
  readonly slug: string;
  /** Whether callers at its own address bear a key. */
  readonly hasKey: boolean;
}

export function commandsFor({ url, api, slug, hasKey }: Place, name: string, payload: string): Record<string, string> {
  const [path, data] = [encodeURIComponent(name), quoted(payload)];
  const key = hasKey ? ' -H "Authorization: Bearer $INVOKE_KEY"' : "";
  return {
    public: `curl -sS ${quoted(`${url}/api/invoke/${path}`)}${key} -d ${data}`,
    api: `curl -sSN ${quoted(`${api}/invoke/${path}`)} -H "Authorization: Bearer $BRANCHLINE_API_TOKEN" -d ${data}`,
    cli: `branchline workers invoke ${slug} ${quoted(name)} --stream --data ${data}`,
  };
}

/** Write text so that a shell takes it as one word, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
