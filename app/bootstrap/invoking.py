"""Calls of functions in a web process: what its routes are given, and what is done at its end."""

from app.bootstrap.shared import Shared, utc_now
from app.dispatch.streams import DispatchStreams
from app.pipeline.count import Tally
from app.pipeline.invoke import Invoker
from app.web.invoking import Invoking, Later


class Calls:
    """Nothing of it connects, and no thread of its begins, before the first call."""

    def __init__(self, shared: Shared) -> None:
        settings, tally = shared.settings.invocations, Tally()
        self._writing = Later(lambda: tally.write(shared.records))
        tally.on_first = self._writing.ask
        self._functions = shared.functions
        self._streams = DispatchStreams(shared.settings.dispatch_origin, settings.at_once)
        invoker = Invoker(self._functions, self._streams, tally, utc_now)
        self.invoking = Invoking.of(invoker, at_once=settings.at_once, per_second=settings.per_second)

    def cut_streams(self) -> None:
        """End every open stream: the process is about to end, and waits for its responses."""
        self._streams.close()

    def finish(self) -> None:
        """Write down what was counted, and close the connections."""
        self._writing.now()
        self._functions.close()
