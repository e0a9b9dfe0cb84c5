"""The bundle of a version: the author's module as it was compiled, our runtime, and what joins the two.

They are modules beside one another, never one text: nothing of the author's can be taken for ours. Nothing is
put up here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from app.domain.bundles import Bundle, Module
from app.domain.workers import Options
from app.ports import Bundles
from app.render.functions import AUTHOR, MAIN, render_main

# The first date and the flags that docs/functions.md asks for; who changes them tests the runtime anew.
COMPATIBILITY_DATE: Final = "2026-11-01"
COMPATIBILITY_FLAGS: Final = ("enable_request_signal",)
_MODULE: Final = "application/javascript+module"
# Less than the hour that whatever was written is safe from pruning.
_KEPT_FOR: Final = timedelta(minutes=30)


class Runtime:
    """Our modules by their names; kept in the bundle store when they are first needed, and now and then."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._kept: Sequence[Module] = ()
        self._kept_at: datetime | None = None

    def modules(self, bundles: Bundles, at: datetime) -> Sequence[Module]:
        """Return them; the store has them."""
        if self._kept_at is None or at - self._kept_at > _KEPT_FOR:
            self._kept = [_kept(name, content, bundles) for name, content in self._texts.items()]
            self._kept_at = at
        return self._kept


def keep_bundle(code: bytes, options: Options, runtime: Runtime, bundles: Bundles, at: datetime) -> str:
    """Keep what a version is put up from and return its digest."""
    main = _kept(MAIN, render_main(options).encode(), bundles)
    author = _kept(AUTHOR, code, bundles)
    return bundles.save(
        Bundle(
            main_module=MAIN,
            modules=[main, author, *runtime.modules(bundles, at)],
            compatibility_date=COMPATIBILITY_DATE,
            compatibility_flags=COMPATIBILITY_FLAGS,
        )
    )


def _kept(name: str, content: bytes, bundles: Bundles) -> Module:
    sha256, size_bytes = bundles.write([content])
    return Module(name, _MODULE, sha256, size_bytes)
