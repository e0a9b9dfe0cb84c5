"""The keys that identity tokens are signed with: one signs, older ones stay published for a while.

There are two from the start, as verifiers must cope with several. They are kept in a file that only its owner
may read, so that a restart changes nothing for those who have fetched them. Rotation happens when it is asked
for, never by itself.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

if TYPE_CHECKING:
    from pathlib import Path

ALGORITHM = "RS256"
KEY_BITS = 2048
PUBLISHED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Key:
    """A private key; `retired_at` is when another one took its place, None while it signs."""

    kid: str
    pem: str
    retired_at: float | None = None

    @classmethod
    def generate(cls) -> Key:
        """Make a new one."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return cls(os.urandom(20).hex().upper(), pem)

    def jwk(self) -> dict[str, Any]:
        """Return the public half as the key set lists it."""
        private = load_pem_private_key(self.pem.encode(), password=None)
        assert isinstance(private, rsa.RSAPrivateKey)  # noqa: S101 - made by generate
        public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        shown = {name: public[name] for name in ("kty", "n", "e")}
        return {**shown, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}


class Keys:
    """The keys in `path`, made when they are first needed. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: list[Key] = []

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a token signed with the newest key."""
        with self._lock:
            key = self._load()[-1]
        return jwt.encode(claims, key.pem, algorithm=ALGORITHM, headers={"kid": key.kid})

    def published(self) -> list[dict[str, Any]]:
        """Return the key set, newest first: the key that signs and those retired not long ago."""
        with self._lock:
            keys = self._load()
        return [key.jwk() for key in reversed(_published(keys))]

    def rotate(self) -> str:
        """Let a new key sign from now on and return its name."""
        with self._lock:
            self._store(_rotated(self._load()))
            return self._kept[-1].kid

    def withdraw(self, kid: str) -> bool:
        """Publish a key no more, as after a leak, and tell whether there was one.

        When it was the one that signs, a new one does from now on.
        """
        with self._lock:
            keys = self._load()
            left = [key for key in keys if key.kid != kid]
            self._store(left if left and left[-1].retired_at is None else [*left, Key.generate()])
            return len(left) < len(keys)

    def _load(self) -> list[Key]:
        if not self._kept and self._path.exists():
            self._kept = [Key(**row) for row in json.loads(self._path.read_text(encoding="utf-8"))]
        if not self._kept:
            self._store(_rotated(_rotated([])))
        return self._kept

    def _store(self, keys: list[Key]) -> None:
        fresh = self._path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump([asdict(key) for key in keys], file, indent=2)
        fresh.replace(self._path)
        self._kept = keys


def _rotated(keys: list[Key]) -> list[Key]:
    """Return the keys with a new one that signs, without those that are published no more."""
    now = time.time()
    retired = [key if key.retired_at else replace(key, retired_at=now) for key in keys]
    return [*_published(retired), Key.generate()]


def _published(keys: list[Key]) -> list[Key]:
    oldest = time.time() - PUBLISHED_SECONDS
    return [key for key in keys if key.retired_at is None or key.retired_at > oldest]
