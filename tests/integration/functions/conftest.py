"""The real compiler, as `make setup` installs it."""

from pathlib import Path

import pytest

from app.functions.esbuild import EsbuildCompiler

ESBUILD = Path(__file__).parents[3] / ".sandbox/tools/node_modules/esbuild/bin/esbuild"


@pytest.fixture(scope="session")
def compiler() -> EsbuildCompiler:
    return EsbuildCompiler(ESBUILD)
