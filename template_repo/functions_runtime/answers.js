/**
 * Answers in JSON. Results and lines arrive as JSON text already, written where that could still fail, and are only put
 * together here.
 */

/**
 * @typedef {import("./errors.js").Failure} Failure
 * @typedef {import("./invocation.js").Outcome} Outcome
 */

/**
 * Answer with a value. Never stored: the next call may answer otherwise.
 * @param {unknown} value
 * @param {number} [status]
 * @param {Record<string, string>} [headers]
 */
export function json(value, status = 200, headers = {}) {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

/**
 * Say why there is no result. Below a function's address it has the shape of that function's own failures.
 * @param {Failure} failure
 * @param {string} [functionName]
 */
export function failed({ status, name, message, headers, details }, functionName) {
  const error = { name, message };
  const body =
    functionName === undefined
      ? { success: false, error, ...details }
      : { success: false, function: functionName, error, logs: [], duration: 0, ...details };
  return json(body, status, headers);
}

/**
 * Answer an invocation in one piece. Nobody stores the answer of a POST, so it has no header against that.
 * @param {string} functionName
 * @param {Outcome} outcome
 * @param {string[]} lines  each as JSON
 */
export function settled(functionName, { status, result, error, duration }, lines) {
  const said = error ? `"error":${JSON.stringify(error)}` : `"result":${result}`;
  const body =
    `{"success":${!error},"function":${JSON.stringify(functionName)},${said},` +
    `"logs":[${lines.join(",")}],"duration":${duration}}`;
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}
