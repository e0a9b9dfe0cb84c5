"""Which workflow is ours: the one that we install. For whoever needs no client to know."""

from typing import Final

WORKFLOW_PATH: Final = ".github/workflows/deploy.yml"
