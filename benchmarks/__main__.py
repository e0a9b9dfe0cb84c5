"""`python -m benchmarks [NAME ...]`: run the named benchmarks, all of them when none is named.

A benchmark is a module here with a `main()` that measures and prints a table; modules without one are tools
of the others. Each figure stands beside a floor of the same run, so that a slow machine does not look like
slow software.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def main(names: list[str]) -> int:
    """Run the benchmarks; 2 when a name is unknown."""
    known = benchmarks()
    unknown = sorted(set(names) - known.keys())
    if unknown:
        print(f"no benchmark called {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or known:
        known[name]()
    return 0


def benchmarks() -> dict[str, Callable[[], None]]:
    """Return every module here that has a `main`, by name."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = sorted(module.name for module in modules if module.name != "__main__")
    found = {name: importlib.import_module(f"benchmarks.{name}") for name in names}
    return {name: module.main for name, module in found.items() if hasattr(module, "main")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
