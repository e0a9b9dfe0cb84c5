"""No process pays for another's libraries: what is not used is not loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("app.bootstrap.web", ["github", "alembic", "obstore"]),
        ("app.cli.files", ["github", "sqlalchemy", "flask", "dbos"]),
    ],
)
def test_what_is_not_used_is_not_loaded(module: str, heavy: list[str]) -> None:
    program = f"import sys, {module}; print(sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
