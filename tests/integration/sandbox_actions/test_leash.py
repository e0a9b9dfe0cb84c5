from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys

from sandbox.actions import processes

_ENGINE = """
import sys
from sandbox.actions.leash import Leash

leash = Leash()
leash.hold("over" + sys.argv[1])
leash.release("over" + sys.argv[1])
leash.hold("running" + sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_what_is_held_ends_when_the_engine_is_killed() -> None:
    own = secrets.token_hex(8)
    engine = subprocess.Popen(
        [sys.executable, "-c", _ENGINE, own], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    held, over = (
        subprocess.Popen(["sleep", "60"], env={**os.environ, processes.VARIABLE: name})
        for name in (f"running{own}", f"over{own}")
    )
    with engine, held, over:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"held\n"

        engine.kill()

        assert held.wait(50) == -signal.SIGKILL
        assert over.poll() is None
        over.kill()
