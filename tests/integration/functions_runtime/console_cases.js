// What authors write to the console. Node prints the same cases; test_console.py compares.
const withStack = (error) => Object.assign(error, { stack: `${error.name}: ${error.message}\n    at somewhere` });
const circular = { name: "me", list: [1] };
circular.self = circular;
circular.list.push(circular.list);
class Point {
  #hidden = 1;
  constructor(x, y) {
    Object.assign(this, { x, y });
  }
  get norm() {
    return Math.hypot(this.x, this.y);
  }
}
class Shown {
  [Symbol.for("nodejs.util.inspect.custom")]() {
    return "<shown>";
  }
}
const tagged = { [Symbol.toStringTag]: "Tag", a: 1 };
const rows = [{ a: 1, b: "x" }, { a: 2, c: { d: 1, e: 2, f: 3 } }, 5, [1, 2, 3, 4], null];

export const cases = {
  text: (console) => console.log("plain 100% text"),
  nothing: (console) => console.log(),
  several: (console) => console.log("a", 1, "b", true, null, undefined, 1n, -0, NaN, Symbol("s")),
  lines: (console) => console.log("one\ntwo"),
  formatString: (console) => console.log("%s %s %s %s", "a", 1n, { a: { b: { c: 1 } } }, Symbol("s"), "rest"),
  formatNumber: (console) => console.log("%d %d %i %f %d", 42, "7.5", 7.9, "1.25", {}),
  formatObject: (console) => console.log("%o %O", { f() {}, n: [1] }, { deep: { deeper: { deepest: { end: 1 } } } }),
  formatJson: (console) => console.log("%j %j", { a: [1] }, circular),
  formatOther: (console) => console.log("%% %c|%x %s", "color: red", "a"),
  formatMissing: (console) => console.log("%s %d"),
  formatNotFirst: (console) => console.log({ a: 1 }, "%s", "x"),
  object: (console) => console.log({ a: 1, "b-c": [1, "two", { three: 3 }], [Symbol("k")]: null }),
  deep: (console) => console.log({ a: { b: { c: { d: 1 } } } }),
  circular: (console) => console.log(circular),
  shared: (console) => console.log([tagged, tagged]),
  map: (console) => console.log(new Map([["a", { b: new Map([[{}, new Set([1])]]) }]])),
  set: (console) => console.log(new Set([1, "a", new Set()])),
  weak: (console) => console.log(new WeakMap(), new WeakSet()),
  classes: (console) => console.log(new Point(1, 2), Point, class extends Point {}, new (class {})()),
  functions: (console) => console.log(() => {}, function named() {}, async () => {}, function* () {}),
  custom: (console) => console.log(new Shown(), { inner: new Shown() }),
  date: (console) => console.log(new Date(0), [new Date(NaN)]),
  regexp: (console) => console.log(/a+/giu, { r: /b/ }),
  typed: (console) => console.log(new Uint8Array([1, 2, 3]), new Float64Array(2), new Uint8Array([1, 2]).buffer),
  buffer: (console) => console.log(Buffer.from("hello")),
  view: (console) => console.log(new DataView(new ArrayBuffer(2))),
  boxed: (console) => console.log(new String("s"), new Number(1), Object(1n), Object(Symbol("s"))),
  arrays: (console) => console.log([1, , 3], new Array(5), Array.from({ length: 120 }, (_, i) => i)),
  strings: (console) => console.log(["it's", 'a "b"', "`c`", "new\nline", "x".repeat(80), "y".repeat(80)]),
  long: (console) => console.log(["z".repeat(12_000)]),
  nullPrototype: (console) => console.log(Object.assign(Object.create(null), { a: 1 })),
  accessors: (console) => console.log({ get a() { return 1; }, set a(_) {}, set b(_) {} }),
  proxy: (console) => console.log(new Proxy({ a: 1 }, { get: () => "trapped" })),
  promise: (console) => console.log(Promise.resolve(1), new Promise(() => {})),
  error: (console) => console.log(withStack(new TypeError("wrong"))),
  errorInside: (console) => console.log({ error: withStack(new Error("inside")) }),
  errorCause: (console) =>
    console.error(withStack(new Error("outer", { cause: withStack(new RangeError("inner", { cause: { code: 1 } })) }))),
  errorExtra: (console) => console.log(withStack(Object.assign(new Error("extra"), { code: "E_EXTRA" }))),
  errorMany: (console) => console.log(withStack(new AggregateError([withStack(new Error("a")), "b"], "many"))),
  arguments: (console) => (function () { console.log(arguments); })(1, 2),
  generator: (console) => console.log((function* () {})(), [][Symbol.iterator](), new Map([[1, 2]]).entries()),
  wide: (console) => console.log(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key${i}`, "v".repeat(i)]))),

  dir: (console) => console.dir({ a: { b: { c: { d: { e: 1 } } } } }, { depth: 0 }),
  dirDeep: (console) => console.dir({ a: { b: { c: { d: { e: 1 } } } } }, { depth: null }),
  dirText: (console) => console.dir("text"),
  dirCustom: (console) => console.dir(new Shown()),
  dirxml: (console) => console.dirxml({ a: 1 }, [2]),
  assertTrue: (console) => console.assert(true, "not seen"),
  assertFalse: (console) => console.assert(false, "%s is wrong", "this", { a: 1 }),
  assertBare: (console) => console.assert(false),
  assertObject: (console) => console.assert(0, { a: 1 }),
  count: (console) => {
    console.count();
    console.count("a");
    console.count();
    console.countReset();
    console.count("default");
    console.count(5);
  },
  groups: (console) => {
    console.log("outside");
    console.group("first", { a: 1 });
    console.log("inside\nof it");
    console.groupCollapsed();
    console.warn("deeper");
    console.groupEnd();
    console.table([[1]]);
    console.groupEnd();
    console.groupEnd();
    console.log("outside again");
  },
  table: (console) => console.table(rows),
  tableColumns: (console) => console.table(rows, ["b", "nope"]),
  tableOfArrays: (console) => console.table([[1, 2], ["a", { deep: { er: 1 } }]]),
  tableOfObjects: (console) => console.table({ one: { a: 1 }, two: { a: [1, 2, 3, 4, 5] } }),
  tableOfMap: (console) => console.table(new Map([["a", 1], ["b", { c: 2 }]])),
  tableOfSet: (console) => console.table(new Set([1, "b"])),
  tableOfValues: (console) => console.table(["x", "yy"]),
  tableOfNothing: (console) => console.table([]),
  tableOfText: (console) => console.table("no table", ["a"]),
  tableOfUndefined: (console) => console.table(),
};
