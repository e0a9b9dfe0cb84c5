"""Sealed boxes: each repository and environment has a key pair; the secret half never leaves."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from sandbox.github.errors import unprocessable

if TYPE_CHECKING:
    from sandbox.github.site import Site


def private_key(site: Site, repository_id: int, environment_id: int) -> PrivateKey:
    """Return the key of a repository, or of one of its environments; made when first asked for."""
    query = "SELECT private_key FROM sealing_keys WHERE repository_id = ? AND environment_id = ?"
    with site.database.transaction():
        row = site.database.one(query, repository_id, environment_id)
        if row:
            return PrivateKey(base64.b64decode(row["private_key"]))
        key = PrivateKey.generate()
        kept = base64.b64encode(bytes(key)).decode()
        owner = {"repository_id": repository_id, "environment_id": environment_id}
        site.database.insert("sealing_keys", **owner, private_key=kept)
        return key


def public_key(key: PrivateKey) -> str:
    """Return the half that is given away, in base64."""
    return base64.b64encode(bytes(key.public_key)).decode()


def key_id(key: PrivateKey) -> str:
    """Return the name of a key, eighteen digits like GitHub's."""
    number = int.from_bytes(hashlib.sha256(bytes(key.public_key)).digest()[:8], "big")
    return f"{number % 10**18:018d}"


def opened(key: PrivateKey, sealed: str) -> str:
    """Return what is in a sealed box.

    Raises: ApiError 422 when it was not sealed to this key.
    """
    try:
        return SealedBox(key).decrypt(base64.b64decode(sealed, validate=True)).decode()
    except (binascii.Error, CryptoError, ValueError):
        raise unprocessable(
            "Bad request - encrypted_value must be sealed with the repository's public key"
        ) from None
