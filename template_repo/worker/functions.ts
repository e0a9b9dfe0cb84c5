/// <reference types="vite/client" />
/** All that the files in functions/ export, collected when the app is built. */

type Module = Record<string, unknown>;

/** Without a build, as in the tests, there are none: a test imports the functions that it tests. */
const modules: Record<string, Module> = import.meta.env
  ? import.meta.glob<Module>(["../functions/*.{ts,mts,js,mjs}", "!../functions/*.{test,spec,d}.*"], { eager: true })
  : {};

export const functions = collect(modules);

/**
 * What `index` exports; without one what every file exports under a name of its own, the `default` of a file apart.
 * A name that two files have is refused, so that such a Worker never goes live.
 */
export function collect(modules: Record<string, Module>): Module {
  const index = Object.entries(modules).find(([path]) => /\/index\.\w+$/.test(path));
  if (index) return index[1];
  const collected: Module = {};
  const places: Record<string, string> = {};
  for (const [path, module] of Object.entries(modules)) {
    for (const name of Object.keys(module).filter((name) => name !== "default")) {
      if (Object.hasOwn(places, name)) {
        throw new Error(`${name} is exported by ${places[name]} and by ${path}: give one of them another name`);
      }
      places[name] = path;
      Object.defineProperty(collected, name, { enumerable: true, get: () => module[name] });
    }
  }
  return collected;
}
