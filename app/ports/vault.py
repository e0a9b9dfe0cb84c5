"""Where secrets are turned into ciphertext and back; it keeps nothing itself."""

from typing import Protocol


class Vault(Protocol):
    """Encrypts for a place, such as `app_…/production/NAME`; elsewhere the ciphertext is worth nothing."""

    def seal(self, place: str, text: str) -> str:
        """Return the ciphertext of `text` for a place, made with the newest key."""

    def open(self, place: str, sealed: str) -> str:
        """Return the text.

        Raises:
            SecretUnreadable: no key that we have opens it, or it was sealed for another place.
        """

    def is_current(self, sealed: str) -> bool:
        """Tell whether the newest key made it."""
