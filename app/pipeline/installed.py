"""Installed: every version that we ever put into an app's repository, as git calls it.

By these names a file that is merely older is told from one that somebody edited. Whoever changes a file of
`actions_templates/` adds the name it gets here: `git hash-object actions_templates/deploy.mjs`. A test holds
this table against the history of that directory.
"""

from collections.abc import Mapping
from typing import Final

# By the name in `actions_templates/`, the newest first.
INSTALLED: Final[Mapping[str, tuple[str, ...]]] = {
    "deploy.yml": (
        "7fc390a1063a9047128c5145bb3b1414da3eed6c",
        "e248eedc24af34680236691908ab5c5b577b64d6",
        "14decd1f0e318570da26bfefc701cd5b31b862e2",
        "c1698614351854aaee243456074c181977a215d8",
    ),
    "deploy.mjs": (
        "4632228903f1bfee36afbdebc0e0550ce19e6d98",
        "2499ece520dd1bcda468a4b5b8ab45e5549e0688",
        "0805b3479b9838a5e6c5abd1b1b238f8f7d30d1c",
        "5a31ba221258415409d179d1bc2703ef23bcff01",
        "807da982033a5579a55ebc3cd25a97df4b43bb0e",
    ),
    "record.mjs": ("940a0f48d6be3ebb968d7a37b91aee9e3182538e",),
}
