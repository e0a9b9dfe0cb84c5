/**
 * `console.table` as Node draws it. Wide characters count as one column.
 * https://nodejs.org/api/console.html#consoletabletabulardata-properties
 */
import { inspect } from "node:util";

/** @typedef {{ name: string, cells: (string | undefined)[] }} Column */

/**
 * Draw a table; a value that has no rows is returned as it is.
 * @param {any} data
 * @param {unknown} [wanted]  names of the columns to show
 * @returns {unknown}
 */
export function tableOf(data, wanted) {
  if (typeof data !== "object" || data === null) return data;
  return draw(columnsOf(data, Array.isArray(wanted) ? wanted.map(String) : undefined));
}

/**
 * @param {any} data
 * @param {string[] | undefined} wanted
 * @returns {Column[]}
 */
function columnsOf(data, wanted) {
  if (data instanceof Map) {
    return iterated(data.size, [
      { name: "Key", cells: Array.from(data.keys(), cell) },
      { name: "Values", cells: Array.from(data.values(), cell) },
    ]);
  }
  if (data instanceof Set) return iterated(data.size, [{ name: "Values", cells: Array.from(data, cell) }]);
  const keys = Object.keys(data);
  return [{ name: "(index)", cells: keys }, ...propertyColumns(keys.map((key) => data[key]), wanted)];
}

/**
 * @param {number} size
 * @param {Column[]} columns
 * @returns {Column[]}
 */
function iterated(size, columns) {
  return [{ name: "(iteration index)", cells: Array.from({ length: size }, (_, index) => cell(index)) }, ...columns];
}

/**
 * A column for each property that any row has, and one for the rows that are plain values.
 * @param {any[]} rows
 * @param {string[] | undefined} wanted
 * @returns {Column[]}
 */
function propertyColumns(rows, wanted) {
  const names = wanted ?? namesIn(rows.filter(isObject));
  const columns = names.map((name) => ({
    name,
    cells: rows.map((row) => (isObject(row) && Object.hasOwn(row, name) ? cell(row[name]) : undefined)),
  }));
  if (wanted || rows.every(isObject)) return columns;
  return [...columns, { name: "Values", cells: rows.map((row) => (isObject(row) ? undefined : cell(row))) }];
}

/**
 * The names of all properties, in the order that an object would have them.
 * @param {object[]} rows
 */
function namesIn(rows) {
  return Object.keys(Object.fromEntries(rows.flatMap((row) => Object.keys(row).map((name) => [name, true]))));
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

/** @param {unknown} value */
function cell(value) {
  const isLarge = isObject(value) && !Array.isArray(value) && Object.keys(value).length > 2;
  return inspect(value, { depth: isLarge ? -1 : 0, maxArrayLength: 3, breakLength: Infinity });
}

/** @param {Column[]} columns */
function draw(columns) {
  const widths = columns.map((column) => widest(column) + 2);
  const line = (/** @type {string} */ start, /** @type {string} */ between, /** @type {string} */ end) =>
    start + widths.map((width) => "─".repeat(width)).join(between) + end;
  const row = (/** @type {(string | undefined)[]} */ cells) =>
    `│${cells.map((text = "", index) => ` ${text}${" ".repeat(widths[index] - widthOf(text) - 1)}`).join("│")}│`;
  const rows = columns[0].cells.map((_, index) => row(columns.map(({ cells }) => cells[index])));
  const names = row(columns.map(({ name }) => name));
  return [line("┌", "┬", "┐"), names, line("├", "┼", "┤"), ...rows, line("└", "┴", "┘")].join("\n");
}

/** @param {Column} column */
function widest({ name, cells }) {
  return cells.reduce((most, text) => Math.max(most, widthOf(text)), widthOf(name));
}

/** @param {string} [text] */
function widthOf(text = "") {
  return [...text].length;
}
