"""Where deliveries come in: apart from every transaction, because their senders wait."""

from typing import Protocol

from app.domain.deliveries import Delivery


class Intake(Protocol):
    """The one way into the inbox for what a sender waits for."""

    def keep(self, delivery: Delivery) -> bool:
        """Return once it is on disk; False when it was known. A known one that failed is tried again at once.

        Raises:
            RemoteUnavailable: it could not be kept within the time that its sender waits.
        """
