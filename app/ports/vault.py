"""Where secrets are turned into text and back."""

from typing import Protocol


class Vault(Protocol):
    """Encrypts for a place, such as `app_…/production/NAME`; elsewhere the ciphertext is worth nothing."""

    def seal(self, place: str, text: str) -> str:
        """Return the ciphertext of `text` for a place."""

    def open(self, place: str, sealed: str) -> str:
        """Return the text.

        Raises:
            Broken: no key that we have opens it, or it was sealed for another place.
        """
