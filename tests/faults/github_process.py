"""The sandbox's GitHub, whose runs are light: RUNNER and what `python -m sandbox.github` takes."""

import sys

from sandbox.actions import toolbox
from sandbox.github.__main__ import main

if __name__ == "__main__":
    RUNNER = sys.argv.pop(1)
    toolbox._act = lambda: RUNNER
    main()
