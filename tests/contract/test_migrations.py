"""Migrations are read before they run: the release before goes on serving, and no large table is locked.

What a rule forbids is allowed in a migration that says `serves_from`: it takes away what an earlier release
has stopped to use. The rules: docs/decisions/0012-the-schema-grows-before-it-shrinks.md.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database.migrate import MIGRATIONS

# They were there before the first release.
FIRST = {"first_tables", "releases", "workers", "forks"}
SHRINKS = re.compile(
    r"\b(?:DROP\s+(?:TABLE|COLUMN)|RENAME|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\w+\s+(?:SET\s+DATA\s+)?TYPE)\b",
    re.IGNORECASE,
)


def migrations() -> list[Path]:
    paths = sorted((MIGRATIONS / "versions").glob("*.py"))
    return [path for path in paths if path.stem[11:] not in FIRST]


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            yield called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""), node


def texts(node: ast.AST) -> list[str]:
    found = (it.value for it in ast.walk(node) if isinstance(it, ast.Constant))
    return [it for it in found if isinstance(it, str)]


def keywords(call: ast.Call) -> dict[str | None, ast.expr]:
    return {it.arg: it.value for it in call.keywords}


def is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def faults(source: str) -> list[str]:
    """Return what in a migration would stop the release before, or everybody."""
    tree = ast.parse(source)
    if re.search(r"^serves_from = ", source, re.MULTILINE):
        return []
    made = {texts(call)[0] for name, call in calls(tree) if name == "create_table"}
    online = "from app.database.online import create_index" in source
    return [fault for name, call in calls(tree) if (fault := _fault(name, call, made, online=online))]


def _fault(name: str, call: ast.Call, made: set[str], *, online: bool) -> str | None:
    said = texts(call)
    rules = {
        "it takes something away": name.startswith("drop_") or name in {"rename_table", "alter_column"},
        "its SQL takes something away": name == "execute" and any(SHRINKS.search(it) for it in said),
        "the release before does not fill this column": name == "add_column" and _demands(call),
        "the release before does not know this rule": name.endswith("constraint") and not made & set(said),
        "it locks a table that may be large: use app.database.online": (
            name == "create_index" and not online and said[1] not in made
        ),
        "it is not in the transaction of its migration": online and name not in {"create_index", "upgrade"},
    }
    broken = [why for why, is_broken in rules.items() if is_broken]
    return f"line {call.lineno}, {name}: {broken[0]}" if broken else None


def _demands(call: ast.Call) -> bool:
    columns = [keywords(column) for name, column in calls(call) if name == "Column"]
    return any(is_false(it.get("nullable")) and "server_default" not in it for it in columns)


@pytest.mark.parametrize("path", migrations(), ids=lambda path: path.stem)
def test_the_release_before_can_go_on_serving(path: Path) -> None:
    assert faults(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "op.drop_column('apps', 'slug')",
        "op.rename_table('apps', 'programs')",
        "op.alter_column('apps', 'slug', nullable=False)",
        "op.execute('ALTER TABLE apps ALTER COLUMN slug SET NOT NULL')",
        "op.execute('ALTER TABLE apps RENAME slug TO name')",
        "op.add_column('apps', sa.Column('size', NUMBER, nullable=False))",
        "table.add_column(sa.Column('size', NUMBER, nullable=False))",
        "table.create_unique_constraint('uq_apps_slug', ['slug'])",
        "op.create_index('ix_apps_slug', 'apps', ['slug'])",
        "from app.database.online import create_index\nop.add_column('apps', sa.Column('size', NUMBER))",
    ],
)
def test_what_stops_others_is_found(source: str) -> None:
    assert faults(source) != []
    assert faults(f"serves_from = '2026_11_22_forks'\n{source}") == []


@pytest.mark.parametrize(
    "source",
    [
        "op.add_column('apps', sa.Column('size', NUMBER, nullable=False, server_default=sa.text('0')))",
        "op.add_column('apps', sa.Column('size', NUMBER))",
        "op.create_table('sizes', sa.Column('size', NUMBER))\nop.create_index('ix_sizes', 'sizes', ['size'])",
        "from app.database.online import create_index\ncreate_index('ix_apps_slug', 'apps', ['slug'])",
    ],
)
def test_what_stops_nobody_passes(source: str) -> None:
    assert faults(source) == []
