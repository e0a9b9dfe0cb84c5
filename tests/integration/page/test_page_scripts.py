"""The modules behind the worker's page that know no page, under Node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sandbox.node import node_directory


def test_their_rules_hold(tmp_path: Path) -> None:
    result = subprocess.run(
        [node_directory(tmp_path) / "node", "--test", Path(__file__).with_name("page_scripts.test.mjs")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout
