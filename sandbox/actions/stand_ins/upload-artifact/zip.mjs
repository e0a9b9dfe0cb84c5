// Writes a zip in memory. Enough for artifacts: no encryption, nothing beyond 4 GiB.
import { crc32, deflateRawSync } from "node:zlib";

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50;
const VERSION = 20, UTF8 = 0x0800, DEFLATED = 8;
const DATE = (1 << 5) | 1; // 1980-01-01: the same files make the same bytes

// `entries` are pairs of a path with slashes and a buffer.
export function zipped(entries, level) {
  const files = [], directory = [];
  let offset = 0;
  for (const [path, content] of entries) {
    const name = Buffer.from(path), data = deflateRawSync(content, { level });
    const facts = [VERSION, UTF8, DEFLATED, 0, DATE, crc32(content), data.length, content.length, name.length, 0];
    const local = packed("LHHHHHLLLHH", LOCAL, ...facts);
    directory.push(packed("LHHHHHHLLLHHHHHLL", CENTRAL, VERSION, ...facts, 0, 0, 0, 0, offset), name);
    files.push(local, name, data);
    offset += local.length + name.length + data.length;
  }
  const index = Buffer.concat(directory);
  const end = packed("LHHHHLLH", END, 0, 0, entries.length, entries.length, index.length, offset, 0);
  return Buffer.concat([...files, index, end]);
}

// Little-endian numbers: H of two bytes, L of four.
function packed(layout, ...numbers) {
  const sizes = [...layout].map((letter) => (letter === "L" ? 4 : 2));
  const buffer = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  sizes.forEach((size, index) => (at = buffer.writeUIntLE(numbers[index], at, size)));
  return buffer;
}
