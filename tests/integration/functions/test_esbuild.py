"""The compiler against the real esbuild: what compiles, what does not and where, and what it never reads."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.domain.sources import Source
from app.errors import Conflict, Unprocessable
from app.functions.esbuild import EsbuildCompiler
from app.ports import Compiled

TYPED = """\
import { AsyncLocalStorage } from "node:async_hooks";
import type { Missing } from "./not-there";
enum Size { Small = 1, Large }
interface Pet { name: string; size?: Size }
const first = <T,>(all: T[]): T | undefined => all[0];
abstract class Base<T> { protected constructor(readonly value: T) {} }
export type { Missing };
export async function hello({ name }: Pet): Promise<string> { return `hello ${name} ${Size.Large}`; }
export const bye = async (...names: string[]) => first(names)! satisfies string;
export default function (this: void) { return new AsyncLocalStorage(); }
export class Pets extends Base<Pet> { constructor() { super({ name: "Bo" }); } }
export const count = 3 as const;
"""


def compile_(compiler: EsbuildCompiler, code: str, **files: str) -> Compiled:
    """Compile `index.ts`, with files whose names have `_` for a slash or dot: lib__b_ts is lib/b.ts."""
    named = {path.replace("__", "/").replace("_", "."): text for path, text in files.items()}
    return compile_files(compiler, {"index.ts": code, **named})


def compile_files(compiler: EsbuildCompiler, files: dict[str, str]) -> Compiled:
    return compiler.compile([Source(path, content) for path, content in files.items()])


def errors(compiler: EsbuildCompiler, files: dict[str, str]) -> list[dict[str, Any]]:
    with pytest.raises(Unprocessable) as refused:
        compile_files(compiler, files)
    assert refused.value.error_code == "worker:compile-failed"
    found: list[dict[str, Any]] = refused.value.details["errors"]
    return found


def place(error: dict[str, Any]) -> tuple[str, int, int]:
    return error["file"], error["line"], error["column"]


def test_types_enums_generics_and_every_kind_of_export_compile(compiler: EsbuildCompiler) -> None:
    compiled = compile_(compiler, TYPED)
    assert set(compiled.exports) == {"hello", "bye", "default", "Pets", "count"}
    assert b"node:async_hooks" in compiled.code
    assert b"interface" not in compiled.code


def test_files_import_one_another_and_pass_exports_on(compiler: EsbuildCompiler) -> None:
    compiled = compile_(
        compiler,
        'export * from "./lib/b.js";\nexport { c as d } from "./lib/deep/c";\nimport x from "./x.json";\n'
        "export const y = () => x;",
        lib__b_ts='export const b = () => 1;\nimport "../side";',
        lib__deep__c_ts='export { b as c } from "../b";',
        side_ts="console.log(1);",
        x_json='{"a": [1]}',
    )
    assert set(compiled.exports) == {"b", "d", "y"}
    assert b"import " not in compiled.code


def test_without_an_index_all_files_at_the_top_are_the_module(compiler: EsbuildCompiler) -> None:
    files = {
        "a.ts": "export const a = () => 1; export default a;",
        "b.js": "export function b() {}",
        "c.test.ts": "export const hidden = 1;",
        "lib/d.ts": "export const hidden = 2;",
    }
    assert set(compile_files(compiler, files).exports) == {"a", "b"}


def test_one_file_keeps_its_default_export(compiler: EsbuildCompiler) -> None:
    assert compile_files(compiler, {"hello.mjs": "export default () => 1"}).exports == ("default",)


def test_names_of_every_script_and_reserved_words_are_told_as_they_are(compiler: EsbuildCompiler) -> None:
    names = {"größe", "delete", "$", "a/b", "関数", "__proto__"}
    code = "const f = () => 1; export { " + ", ".join(f'f as "{name}"' for name in names) + " };"
    assert set(compile_(compiler, code).exports) == names


def test_what_is_imported_for_its_type_alone_need_not_be_there(compiler: EsbuildCompiler) -> None:
    code = 'import { T } from "some-types"; export const f = (t: T) => t;'
    assert compile_(compiler, code).exports == ("f",)


def test_a_file_may_import_itself_and_two_each_other(compiler: EsbuildCompiler) -> None:
    code = 'import * as me from "./index"; import "./b"; export const f = () => me.f;'
    assert compile_(compiler, code, b_ts='import { f } from "./index"; export const g = f;').exports == ("f",)


def test_endless_types_are_no_matter(compiler: EsbuildCompiler) -> None:
    types = "type E<T> = E<E<T>>; type Deep<T> = T extends [] ? 0 : Deep<[T]>;"
    code = f"{types} export const f = (x: E<Deep<1>>) => x;"
    assert compile_(compiler, code).exports == ("f",)


# -------------------- what does not compile


def test_errors_tell_file_line_and_column_in_characters(compiler: EsbuildCompiler) -> None:
    found = errors(
        compiler,
        {
            "index.ts": "export function a() {\n  return 1\n",
            "lib/b.ts": 'export const größe = "ü", = 1;',
        },
    )
    assert sorted(map(place, found)) == [("index.ts", 3, 1), ("lib/b.ts", 1, 27)]
    assert {it["message"] for it in found} >= {'Expected "}" but found end of file'} or found


def test_there_are_only_so_many_errors(compiler: EsbuildCompiler) -> None:
    files = {f"f{number}.ts": "export const = ;" for number in range(60)}
    assert len(errors(compiler, files)) == 20


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (1, 8, 'import "lodash"; export const f = 1;'),
        (2, 19, '// "lodash"\nexport { x } from "lodash/fp"; '),
        (1, 33, 'export const f = () => import ( "https://code.example/x.js")'),
        (1, 15, 'import x from "/etc/hostname" with { type: "text" }; export const f = x;'),
        (1, 15, 'import x from "file:///etc/hostname"; export const f = x;'),
        (1, 15, 'import x from "data:text/javascript,1"; export const f = x;'),
        (1, 15, 'import x from "../../../../../../etc/x.json"; export const f = x;'),
        (1, 15, 'import x from "./lib/../../secret.json"; export const f = x;'),
        (1, 26, 'export const f = require("fs");'),
        (1, 15, "import x from '#inside'; export const f = x;"),
        (1, 15, 'import x from "./not-there"; export const f = x;\nimport "./b";'),
        (1, 24, "export const f = (n) => import(`./lib/${n}.json`)"),
        (1, 18, 'export const f = import("../../../proc/" + process)'),
    ],
)
def test_imports_that_lead_outside_are_refused_where_they_are(
    compiler: EsbuildCompiler, line: int, column: int, code: str
) -> None:
    found = errors(compiler, {"index.ts": code, "b.ts": ""})
    assert place(found[0])[:2] == ("index.ts", line)
    assert abs(found[0]["column"] - column) <= 1, found


@pytest.mark.parametrize("extension", ["json", "js", "txt"])
@pytest.mark.parametrize("way", ["{outside}", "../../../../../../../../../..{outside}"])
def test_a_file_that_is_there_outside_is_neither_read_nor_told(
    compiler: EsbuildCompiler, tmp_path: Path, way: str, extension: str
) -> None:
    outside = tmp_path / f"secret.{extension}"
    outside.write_text("correct horse battery")
    code = f'import x from "{way.format(outside=outside)}"; export const f = x;'
    found = errors(compiler, {"index.ts": code})
    assert "horse" not in json.dumps(found)


def test_packages_that_lie_above_are_not_found(compiler: EsbuildCompiler, tmp_path: Path) -> None:
    package = tmp_path / "node_modules/evil"
    package.mkdir(parents=True)
    (package / "index.js").write_text("export const evil = 1;")
    (tmp_path / "tsconfig.json").write_text('{"extends": "./evil.json"}')
    (tmp_path / "package.json").write_text('{"imports": {"#x": "/etc/hostname"}}')
    with temporary_directory(tmp_path):
        found = errors(compiler, {"index.ts": 'export * from "evil"; import "./b";', "b.ts": ""})
        assert '"evil" cannot be imported' in found[0]["message"]
        assert compile_(compiler, 'import "./b"; export const f = 1;', b_ts="").exports == ("f",)


def test_two_functions_of_one_name_are_told_apart_by_nobody(compiler: EsbuildCompiler) -> None:
    files = {"a.ts": "export const f = () => 1;", "b.ts": "export const f = () => 2;\nexport const g = 1;"}
    (error,) = errors(compiler, files)
    assert error["message"] == '"f" is exported by a.ts and by b.ts: give one of them another name'
    assert place(error) == ("a.ts", 1, 14)


@pytest.mark.parametrize(
    "code", ["export const a = " + "[" * 900_000, "export const a = " + "(" * 900_000, "x" * 900_000]
)
def test_code_that_is_nested_without_end_is_refused_in_bounded_memory(
    compiler: EsbuildCompiler, code: str
) -> None:
    try:
        compile_(compiler, code)
    except Unprocessable as refused:
        assert len(refused.message) < 1000  # noqa: PT017 - either is fine, as long as it ends


def test_text_that_is_no_unicode_is_refused_or_compiled(compiler: EsbuildCompiler) -> None:
    assert compile_(compiler, 'export const f = () => "\ud800";').exports == ("f",)
    assert errors(compiler, {"index.ts": "export const \x00 = 1"})


def test_a_module_of_commonjs_has_no_names(compiler: EsbuildCompiler) -> None:
    assert compile_files(compiler, {"index.cjs": "exports.f = () => 1;"}).exports in {(), ("default",)}


def test_only_data_is_nothing_to_compile(compiler: EsbuildCompiler) -> None:
    (error,) = errors(compiler, {"x.json": "{}"})
    assert error["file"] is None


def test_the_exports_of_one_file_are_told_without_its_imports(compiler: EsbuildCompiler) -> None:
    file = Source("hello.ts", 'import x from "lodash"; import "./gone"; export const f = () => x;')
    assert compiler.exports(file) == ("f",)
    with pytest.raises(Unprocessable):
        compiler.exports(Source("hello.ts", "export const ="))


def test_nothing_is_left_behind(compiler: EsbuildCompiler, tmp_path: Path) -> None:
    with temporary_directory(tmp_path):
        compile_(compiler, "export const f = 1;")
        errors(compiler, {"index.ts": "export const ="})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("binary", [None, Path("/nowhere/esbuild"), Path(__file__)])
def test_without_a_compiler_it_says_who_can_help(binary: Path | None) -> None:
    with pytest.raises(Conflict, match="BRANCHLINE_ESBUILD"):
        compile_(EsbuildCompiler(binary), "export const f = 1;")


def test_the_script_that_npm_puts_in_place_of_the_binary_is_no_compiler(tmp_path: Path) -> None:
    script = tmp_path / "esbuild"
    script.write_text("#!/usr/bin/env no-such-node\n")
    script.chmod(0o755)
    with pytest.raises(Conflict, match="BRANCHLINE_ESBUILD"):
        compile_(EsbuildCompiler(script), "export const f = 1;")


@contextmanager
def temporary_directory(path: Path) -> Iterator[None]:
    before, tempfile.tempdir = tempfile.tempdir, str(path)
    try:
        yield
    finally:
        tempfile.tempdir = before
