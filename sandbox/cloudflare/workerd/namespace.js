/**
 * Behind env.NAMESPACE_*: Cloudflare's dispatch namespace binding, as far as a dispatch worker uses it.
 * `get` is synchronous and lazy: that a script is missing shows when it is used, as "Worker not found.".
 * Limits and outbound workers (the second and third argument) are accepted and have no effect here.
 */
export default function ({ namespace, ...bindings }) {
  const runtime = () => globalThis[Symbol.for("branchline.runtime")];
  return {
    get: (name) => ({
      fetch(input, init) {
        const request = input instanceof Request && init === undefined ? input : new Request(input, init);
        return runtime().dispatch(bindings, namespace, String(name), request);
      },
    }),
  };
}
