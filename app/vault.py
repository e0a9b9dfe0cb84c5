"""The vault: secrets are encrypted while they are stored, by Fernet of the `cryptography` package.

The first key encrypts, every key decrypts. The place that a secret is for is encrypted together with its
text. Nothing here stores anything, and no error tells what it could not open.
"""

import base64
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import SecretUnreadable
from app.settings import Settings

_PURPOSE: Final = b"branchline/encryption-key/v1"
_KEY_BYTES: Final = 32
_SEPARATOR: Final = "\0"  # in no place, so a place and a text are told apart


class FernetVault:
    """`ports.Vault` with Fernet keys, the newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._newest = fernets[0]
        self._all = MultiFernet(fernets)

    @classmethod
    def from_settings(cls, settings: Settings) -> "FernetVault":
        """Use the operator's keys, and last the one that follows from the secret key.

        The last opens what was sealed before the operator had keys of their own.
        """
        listed = [key.reveal() for key in settings.encryption_keys]
        return cls([*listed, derived_key(settings.secret_key.reveal())])

    def seal(self, place: str, text: str) -> str:
        """Return `text` encrypted with the newest key."""
        return self._all.encrypt(f"{place}{_SEPARATOR}{text}".encode()).decode()

    def open(self, place: str, sealed: str) -> str:
        """Return the text. Raises SecretUnreadable."""
        try:
            opened = self._all.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(place) from None
        sealed_for, _, text = opened.partition(_SEPARATOR)
        if sealed_for != place:
            raise SecretUnreadable(place)
        return text

    def is_current(self, sealed: str) -> bool:
        """Tell whether the newest key has sealed it."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True


def derived_key(secret_key: str) -> str:
    """Return the Fernet key that follows from the secret key; the way back is closed."""
    # https://www.rfc-editor.org/rfc/rfc5869
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE)
    return base64.urlsafe_b64encode(derive.derive(secret_key.encode())).decode()
