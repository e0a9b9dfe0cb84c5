"""How commands show things: tables and fields for people, JSON for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON as the API answers it.")
limit_option = click.option(
    "--limit", default=30, show_default=True, type=click.IntRange(1, 10_000), help="How many at most."
)

Row = Callable[[Mapping[str, Any]], Sequence[object]]


def show_table(
    items: Iterable[Mapping[str, Any]], columns: Sequence[str], row: Row, *, as_json: bool, empty: str
) -> None:
    """Print items as a table, or as JSON lines; `empty` is said on stderr when there are none."""
    rows = list(items)
    if as_json:
        show_json(rows)
        return
    if not rows:
        click.echo(empty, err=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for item in rows:
        table.add_row(*(Text(printable(value)) for value in row(item)))
    Console(soft_wrap=not _is_terminal()).print(table)


def show_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one a line; what is None is left out."""
    shown = {name: value for name, value in fields.items() if value is not None}
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {printable(value)}")


def show_json(body: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print the API's answer as it is; what would move a terminal's cursor is written as an escape."""
    text = json.dumps(body, indent=2, ensure_ascii=False)
    click.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def ago(moment: str | None) -> str:
    """Return how long ago an ISO time was: 12s, 5m, 3h, 2d."""
    if moment is None:
        return ""
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    for unit, size in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{max(seconds, 0)}s ago"


def printable(value: object) -> str:
    """Return one line of outside text that does not move the cursor of somebody's terminal."""
    return "".join(c if c.isprintable() else " " for c in str("" if value is None else value))


def _is_terminal() -> bool:
    return sys.stdout.isatty()
