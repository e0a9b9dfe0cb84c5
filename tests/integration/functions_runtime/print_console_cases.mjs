// Prints what Node's console makes of every case, as JSON: {case: [what was written at once, ...]}.
import { Console } from "node:console";
import { Writable } from "node:stream";

import { cases } from "./console_cases.js";

const printed = {};
for (const [name, run] of Object.entries(cases)) {
  const lines = (printed[name] = []);
  const keep = new Writable({
    decodeStrings: false,
    write(text, _, done) {
      lines.push(text.replace(/\n$/, ""));
      done();
    },
  });
  run(new Console({ stdout: keep, stderr: keep, colorMode: false }));
}
process.stdout.write(JSON.stringify(printed));
