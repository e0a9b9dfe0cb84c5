"""The house is in order: walls stand, what we say is written down, and nothing grew too large."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median, quantiles

import click
import pytest

from app.cli import branchline
from app.domain.apps import AppStatus
from app.domain.events import Tag
from app.settings import REMEDIES

ROOT = Path(__file__).parents[2]
OUR_OWN = (
    "app",
    "sandbox",
    "tests",
    "migrations",
    "benchmarks",
    "actions_templates",
    "dispatch_worker",
    "functions_runtime",
    "web_assets",
)
TEXT = {
    ".py",
    ".md",
    ".j2",
    ".mjs",
    ".js",
    ".ts",
    ".yml",
    ".yaml",
    ".toml",
    ".json",
    ".jsonc",
    ".html",
    ".css",
}
NOT_OURS = {"node_modules", "__pycache__", "dist", ".wrangler", "payloads"}


@cache
def read(path: str) -> str:
    return (ROOT / path).read_text()


@cache
def python_files(*folders: str) -> tuple[Path, ...]:
    return tuple(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def text_files() -> Iterator[Path]:
    """Return every file that people wrote, but for this one, which names what it looks for."""
    folders = [ROOT / folder for folder in (*OUR_OWN, "template_repo", "docs", "scripts", ".ci")]
    for path in (
        *ROOT.glob("*.*"),
        ROOT / "Makefile",
        *(it for folder in folders for it in folder.rglob("*")),
    ):
        is_ours = not NOT_OURS & set(path.relative_to(ROOT).parts)
        if is_ours and path.is_file() and path.suffix in TEXT | {""} and path != Path(__file__):
            yield path


# -------------------- walls


def test_the_walls_stand() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mocks_stay_in_their_room() -> None:
    outside = [path for path in python_files("app", "sandbox", "tests") if "integration" not in path.parts]
    using = [str(path) for path in outside if "unittest.mock" in _imports(tree(path))]
    assert using == []


def _imports(module: ast.Module) -> set[str]:
    names = set[str]()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


# -------------------- what we say is written down


@pytest.mark.parametrize("name", sorted(REMEDIES))
def test_every_setting_is_written_down(name: str) -> None:
    assert re.search(rf"^#? ?{name}=", read(".env.example"), re.MULTILINE), f"{name} is not in .env.example"
    assert f"`{name}`" in read("docs/operating.md"), f"{name} is not in docs/operating.md"


def test_no_setting_is_written_down_that_is_none() -> None:
    assert set(re.findall(r"^#? ?([A-Z_]+)=", read(".env.example"), re.MULTILINE)) <= set(REMEDIES)


@pytest.mark.parametrize("tag", list(Tag))
def test_every_event_is_written_down(tag: Tag) -> None:
    assert f"`{tag}`" in read("docs/api.md"), f"{tag} is not in docs/api.md"


@pytest.mark.parametrize("tag", list(Tag))
def test_every_event_happens(tag: Tag) -> None:
    others = [path for path in python_files("app") if path.name != "events.py"]
    is_told = any(f"Tag.{tag.name}" in path.read_text() for path in others)
    assert is_told or tag.startswith("deployment:"), f"nobody tells of {tag}"


def error_codes() -> set[str]:
    """Return every code that an error of ours can bear."""
    codes = {f"app:{status}" for status in (AppStatus.PROVISIONING, AppStatus.DELETING)}
    for path in python_files("app"):
        for node in ast.walk(tree(path)):
            if _is_code(node):
                codes |= _strings(node)
    return {code for code in codes if re.fullmatch(r"[a-z]+(:[a-z-]+)+", code)}


def _is_code(node: ast.AST) -> bool:
    """Tell whether this gives a code: in a call, in a class, or in the table of HTTP's own."""
    if isinstance(node, ast.keyword):
        return node.arg == "code"
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(it, ast.Name) and it.id in {"code", "_HTTP_CODES"} for it in targets)


def _strings(node: ast.AST) -> set[str]:
    return {it.value for it in ast.walk(node) if isinstance(it, ast.Constant) and isinstance(it.value, str)}


def test_codes_are_found() -> None:
    assert {"request:invalid", "delivery:stale", "script:not-ours", "request:too-large"} <= error_codes()


@pytest.mark.parametrize("code", sorted(error_codes()))
def test_every_error_code_is_written_down(code: str) -> None:
    assert f"`{code}`" in read("docs/api.md"), f"{code} is not in docs/api.md"


def commands(group: click.Group, path: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}"


@pytest.mark.parametrize("command", sorted(commands(branchline)))
def test_every_command_is_written_down(command: str) -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    # A list of verbs behind their noun will do: `branchline apps create|list|show|delete`.
    noun, _, verb = command.partition(" ")
    pattern = rf"branchline {noun}\b" if not verb else rf"branchline {noun} (?:[a-z]+\|)*{verb}\b"
    assert any(re.search(pattern, it.read_text()) for it in documents), f"branchline {command} is nowhere"


# -------------------- sizes


@dataclass(frozen=True)
class Function:
    place: str
    lines: int


def functions() -> list[Function]:
    return [
        Function(
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1
        )
        for path in python_files("app", "sandbox")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_function_is_longer_than_forty_lines() -> None:
    assert [it for it in functions() if it.lines > 40] == []


def test_most_functions_are_short() -> None:
    lines = [it.lines for it in functions()]
    assert quantiles(lines, n=10)[-1] <= 23
    assert median(lines) <= 9


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in python_files("app", "sandbox")
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path)
        for path in python_files("app", "sandbox")
        if path.read_text() and not ast.get_docstring(tree(path))
    ]
    assert silent == []


# -------------------- what does not belong here


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a note to oneself", r"\b(?:TODO|FIXME|XXX)\b"),
        ("a path of one machine", r"(?<![\w.])/(?:home|Users)/[a-z]|/root/[\w.]"),
        ("a download address in a lock file", r'"resolved": "http'),
    ],
)
def test_nothing_is_left_lying_about(what: str, pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in text_files()
        if (match := re.search(pattern, path.read_text(errors="replace")))
    ]
    assert found == [], what
