"""The API as its own document describes it: schemathesis makes requests of all kinds and checks every answer.

A web process answers; no jobs process runs, so that the API alone is asked, about one app and about many that
are none. Streams are left out: they do not end.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.figures import Figures, Form
from tests.faults.stage import Stage
from tests.faults.town import Plane, Remotes

pytestmark = pytest.mark.slow

SEED = 20261122
SHORT = ["--phases", "fuzzing", "--max-examples", "4"]
FULL = ["--max-examples", "40"]
SECONDS = 3600
RULES = Path(__file__).with_name("schemathesis.toml")
STREAMS = r"/stream$|/events/stream|/logs"


def test_the_api_answers_as_it_says(
    remotes: Remotes, migrated_sqlite_url: str, tmp_path: Path, form: Form, figures: Figures
) -> None:
    remotes.runs_are_idle(are_idle=True)
    with Plane(remotes, migrated_sqlite_url, tmp_path) as plane, plane.web():
        app = Stage(plane).app("api")
        done = run(plane, tmp_path, app.name, form.pick(short=SHORT, full=FULL))
    cases = re.search(r"(\d+) generated(?:, (\d+) found (\d+) unique failures)?", done.stdout)
    assert cases, done.stdout[-4000:] + done.stderr[-2000:]
    figures.tell("S3", "schemathesis", f"{cases[3] or 0} failures in {cases[1]} cases, seed {SEED}")
    assert done.returncode == 0, done.stdout[-12000:]


def run(plane: Plane, directory: Path, app: str, how: list[str]) -> subprocess.CompletedProcess[str]:
    """Ask the web process about everything; where an app is to be named, it is this one."""
    url = plane.environ["BRANCHLINE_URL"]
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(RULES)]
    command += ["run", f"{url}/api/openapi.json", "--url", url, "--seed", str(SEED), *how]
    command += ["-H", f"Authorization: Bearer {plane.environ['BRANCHLINE_API_TOKEN']}", "--no-color"]
    command += ["--exclude-path-regex", STREAMS, "--continue-on-failure", "--generation-database", "none"]
    return subprocess.run(
        command,
        cwd=directory,
        env=os.environ | {"NO_PROXY": "127.0.0.1", "APP": app},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
