"""The record, followed: one thread of this process reads it once, for all who want to hear of it as it grows.

It lives while somebody follows. What somebody is told is put into a queue of their own; who does not take it
is cut off, and comes back. Where facts come from that were there long before, is not known here.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.archives import fields
from app.domain.events import Event, Place, Selection
from app.errors import RemoteUnavailable
from app.ports import EventFeed
from app.web.event_stream import message

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 15.0
_QUEUE: Final = 1000
_RECENT: Final = 1000
_LOOK_SECONDS: Final = 2.0
# What is open when we look ends soon, mostly; and what takes long is not asked about all the time.
_UNSETTLED_SECONDS: Final = (0.005, 0.1)
_AWAY_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as all are told it."""

    place: Place
    event: Event
    text: bytes

    @classmethod
    def of(cls, event: Event) -> "Told":
        """Write it once for everybody."""
        place = event.place or Place(0, 0)
        return cls(place, event, message(json.dumps(fields(event), separators=(",", ":")), str(place)))


class Subscription:
    """One who follows: what is chosen and comes after `since` goes in from one thread, and out in its own."""

    def __init__(self, chosen: Selection, since: Place) -> None:
        self.since: Final = since
        self._chosen = chosen
        self._place = since
        self._queue: deque[Told] = deque()
        self._changed = threading.Condition()
        self._is_cut = False

    def offer(self, news: Sequence[Told]) -> None:
        """Take what is chosen of this; too much that nobody takes cuts it off."""
        with self._changed:
            wanted = [it for it in news if it.place > self._place and self._chosen.takes(it.event)]
            self._queue.extend(wanted)
            self._place = max(self._place, news[-1].place)
            if len(self._queue) > _QUEUE:
                self._is_cut = True
            if wanted:
                self._changed.notify()

    def cut(self) -> None:
        """End it."""
        with self._changed:
            self._is_cut = True
            self._changed.notify()

    def take(self, seconds: float = HEARTBEAT_SECONDS) -> tuple[Sequence[Told], Place] | None:
        """Return what came, if anything did in that time, and how far that is; None when it was cut off."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_cut, seconds)
            if self._is_cut:
                return None
            taken = list(self._queue)
            self._queue.clear()
            return taken, self._place


class Follower:
    """Tells all subscriptions of this process what is new."""

    def __init__(self, feed: EventFeed) -> None:
        self._feed = feed
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._recent: deque[Told] = deque(maxlen=_RECENT)
        self._place = self._recent_since = Place(0, 0)
        self._is_running = self._is_closed = False

    @property
    def place(self) -> Place:
        """How far it has read."""
        return self._place

    def subscribe(self, chosen: Selection, after: Place | None = None) -> Subscription:
        """Begin to be told: from `after` on, when that is recent enough to be known, else from now on.

        Raises:
            RemoteUnavailable: the database is away.
        """
        with self._lock:
            if not self._is_running:
                self._start()
            is_known = after is not None and after >= self._recent_since
            subscription = Subscription(chosen, after if after is not None and is_known else self._place)
            if self._recent:
                subscription.offer(self._recent)
            if self._is_closed:
                subscription.cut()
            self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Be told no more."""
        with self._lock:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Cut everybody off: the process is about to end."""
        with self._lock:
            self._is_closed = True
            for subscription in self._subscriptions:
                subscription.cut()

    def _start(self) -> None:
        self._place = self._recent_since = self._feed.newest()
        self._recent.clear()
        self._is_running = True
        threading.Thread(target=self._run, name="branchline-follower", daemon=True).start()

    def _run(self) -> None:
        pause = _UNSETTLED_SECONDS[0]
        while self._is_wanted():
            try:
                news = self._feed.read(self._place)
                if news.events:
                    self._tell([Told.of(event) for event in news.events])
                if news.is_all:
                    self._feed.wait(_LOOK_SECONDS)
                elif not news.events:
                    time.sleep(pause)
                pause = _UNSETTLED_SECONDS[0] if news.events else min(pause * 2, _UNSETTLED_SECONDS[1])
            except RemoteUnavailable as error:
                log.warning("following events: %s", error)
                time.sleep(_AWAY_SECONDS)
            except Exception:
                log.exception("following events failed and will be tried again")
                time.sleep(_AWAY_SECONDS)

    def _is_wanted(self) -> bool:
        """Tell whether somebody follows; as soon as nobody does, this thread ends and another may begin."""
        with self._lock:
            if self._is_closed or not self._subscriptions:
                self._feed.close()
                self._is_running = False
            return self._is_running

    def _tell(self, news: Sequence[Told]) -> None:
        with self._lock:
            if len(self._recent) + len(news) > _RECENT:
                self._recent_since = (list(self._recent) + list(news))[-_RECENT - 1].place
            self._recent.extend(news)
            self._place = news[-1].place
            for subscription in self._subscriptions:
                subscription.offer(news)
