/**
 * What a Worker of functions can be told, and what holds when it is not told.
 *
 * Options are constants of the Worker's main module, and are checked when it loads. Secrets are not among them:
 * options name the binding that holds one.
 */

/**
 * @typedef {object} Options
 * @property {number} [timeoutMs]        how long a function may take to settle; 30,000
 * @property {number} [maxPayloadBytes]  of a request's body; 1 MiB
 * @property {number} [maxLineChars]     of one line of the log, before the rest of it is cut; 16,384
 * @property {number} [maxLines]         that an answer of one piece carries; 1,000
 * @property {number} [maxLogChars]      the same in characters of JSON; 262,144
 * @property {number} [maxQueuedChars]   of events that wait for a slow reader; 1,048,576
 * @property {number} [heartbeatMs]      after which a stream without events gets a comment; 5,000
 * @property {boolean} [stacks]          whether errors carry their stack; true
 * @property {readonly string[]} [corsOrigins]  whose pages may read answers: origins, or "*" alone; none
 * @property {string} [invokeKey]        binding of the secret that callers must bear; open to all without
 * @property {string} [rateLimit]        binding of a rate limiter, asked once for each call with the caller's address
 * @property {Fallback} [fallback]       answers what is not ours, as the app's own Worker would
 * @property {OnSettled} [onSettled]     told of every call that ran, after it has settled
 *
 * @typedef {(request: Request, env: any, execution: any) => Response | Promise<Response>} Fallback
 * @typedef {(call: Settled, env: any) => void} OnSettled
 *
 * @typedef {object} Settled
 * @property {string} functionName
 * @property {string} invocationId
 * @property {boolean} success
 * @property {number} duration  in milliseconds
 *
 * @typedef {ReturnType<typeof withDefaults>} Settings
 */

const DEFAULTS = {
  timeoutMs: 30_000,
  maxPayloadBytes: 1024 * 1024,
  maxLineChars: 16 * 1024,
  maxLines: 1000,
  maxLogChars: 256 * 1024,
  maxQueuedChars: 1024 * 1024,
  heartbeatMs: 5000,
  stacks: true,
  corsOrigins: /** @type {readonly string[]} */ ([]),
  invokeKey: "",
  rateLimit: "",
  fallback: /** @type {any} */ (null),
  onSettled: /** @type {OnSettled} */ (() => {}),
};

/** @type {Record<string, (value: any) => boolean>} */
const CHECKS = {
  stacks: (value) => typeof value === "boolean",
  corsOrigins: (value) => Array.isArray(value) && value.every(isOrigin),
  invokeKey: isName,
  rateLimit: isName,
  fallback: (value) => typeof value === "function",
  onSettled: (value) => typeof value === "function",
};

/**
 * Fill in what is not given. Throws a TypeError for an option that there is none of, or a value it cannot have: a
 * misspelt `invokeKey` must not leave a Worker open.
 * @param {Options} options
 */
export function withDefaults(options) {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new TypeError(`createHandler has no option ${name}`);
    const check = CHECKS[name] ?? isAmount;
    if (!check(value)) throw new TypeError(`createHandler cannot have ${JSON.stringify(value)} for ${name}`);
  }
  return { ...DEFAULTS, ...options };
}

/** @param {unknown} value */
function isAmount(value) {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** @param {unknown} value */
function isName(value) {
  return typeof value === "string" && value !== "";
}

/** @param {unknown} value */
function isOrigin(value) {
  return value === "*" || (typeof value === "string" && URL.canParse(value) && new URL(value).origin === value);
}
